//go:build !linux

package wire

import (
	"errors"
	"os"
	"time"

	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// Wire is never made where there is no Linux.
type Wire struct{ options Options }

// New fails: only Linux has network namespaces. The error is a *lang.Problem.
func New(Options) (*Wire, error) {
	return nil, &lang.Problem{
		What: lang.Text{
			EN: "live lessons need Linux; elsewhere this program shows recordings and reads captures",
			ZH: "实时演示需要 Linux；在其他系统上，本程序可以播放录制的演示、读取抓包文件",
		},
		Hint: lang.Text{EN: "lesson explain FILE", ZH: "lesson explain 文件"},
		Code: lang.ExitRefused,
		Err:  errors.ErrUnsupported,
	}
}

// Linux is of no use here.
func (w *Wire) Linux() tcp.Linux { return 0 }

// Enter fails.
func (w *Wire) Enter(tcp.End) error { return errors.ErrUnsupported }

// Do fails.
func (w *Wire) Do(tcp.End, func() error) error { return errors.ErrUnsupported }

// DelayAcks fails.
func (w *Wire) DelayAcks(tcp.End) error { return errors.ErrUnsupported }

// Next returns os.ErrClosed.
func (w *Wire) Next() (Frame, error) { return Frame{}, os.ErrClosed }

// Poll returns os.ErrClosed.
func (w *Wire) Poll() (Frame, bool, error) { return Frame{}, false, os.ErrClosed }

// Wait returns os.ErrClosed.
func (w *Wire) Wait() error { return os.ErrClosed }

// SetDeadline does nothing.
func (w *Wire) SetDeadline(time.Time) error { return nil }

// Deliver returns os.ErrClosed.
func (w *Wire) Deliver(*Frame) error { return os.ErrClosed }

// Dropped returns 0.
func (w *Wire) Dropped() uint64 { return 0 }

// Close does nothing.
func (w *Wire) Close() error { return nil }
