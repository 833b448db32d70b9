//go:build !linux

package private

import (
	"errors"

	"lesson/lesson/lang"
)

// Run fails: only Linux has the namespaces. The error is a *lang.Problem.
func Run(Options) (code int, err error) {
	return lang.ExitRefused, &lang.Problem{
		What: lang.Text{
			EN: "live lessons need Linux; elsewhere this program shows recordings and reads captures",
			ZH: "实时演示需要 Linux；在其他系统上，本程序可以播放录制的演示、读取抓包文件",
		},
		Hint: lang.Text{EN: "lesson explain FILE", ZH: "lesson explain 文件"},
		Code: lang.ExitRefused,
		Err:  errors.ErrUnsupported,
	}
}

// Child reports false: Run has started no process.
func Child() bool { return false }

// Enter does nothing.
func Enter(args []string) error { return nil }

// Refused returns err.
func Refused(err error, args []string) error { return err }
