//go:build !linux

package capture

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// LiveSource cannot be had here.
type LiveSource struct{}

// Live captures on Linux only; here it returns a *lang.Problem.
func Live(string, uint16) (*LiveSource, error) { return nil, notHere() }

func notHere() error {
	return &lang.Problem{
		What: lang.Text{
			EN: fmt.Sprintf("live capture needs Linux; this is %s", runtime.GOOS),
			ZH: fmt.Sprintf("实时抓包需要 Linux，而这里是 %s", runtime.GOOS),
		},
		Hint: lang.Text{
			EN: "a capture made here can be explained: tcpdump -i lo0 -w - tcp | lesson explain -",
			ZH: "可以讲解在这里录制的抓包：tcpdump -i lo0 -w - tcp | lesson explain -",
		},
		Code: lang.ExitRefused,
	}
}

// LinkType has nothing to say here.
func (*LiveSource) LinkType() LinkType { return LinkNull }

// SetDeadline does nothing here.
func (*LiveSource) SetDeadline(time.Time) error { return errors.ErrUnsupported }

// Next yields nothing here.
func (*LiveSource) Next() (tcp.Captured, error) { return tcp.Captured{}, errors.ErrUnsupported }

// Dropped counts nothing here.
func (*LiveSource) Dropped() uint64 { return 0 }

// Close does nothing here.
func (*LiveSource) Close() error { return nil }

// Ring cannot be had here.
type Ring struct{ LiveSource }

// NewRing captures on Linux only; here it returns a *lang.Problem.
func NewRing(string, RingOptions) (*Ring, error) { return nil, notHere() }

// Next yields nothing here.
func (*Ring) Next(*tcp.Captured) bool { return false }

// Wait does not wait here.
func (*Ring) Wait(time.Time) error { return errors.ErrUnsupported }

// Wake does nothing here.
func (*Ring) Wake() {}

// Final counts nothing here.
func (*Ring) Final() uint64 { return 0 }

// Gap reports false.
func (*Ring) Gap() bool { return false }
