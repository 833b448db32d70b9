package lang

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]Lang{
		"en": English, "zh": Chinese, "zh_CN.UTF-8": Chinese, "zh-TW": Chinese, "ZH": Chinese,
		"en_GB.UTF-8@euro": English, "C": English, "C.UTF-8": English, "POSIX": English,
	} {
		if got, ok := Parse(in); !ok || got != want {
			t.Errorf("%q: %v %v", in, got, ok)
		}
	}
	for _, in := range []string{"", "de", "zhuang", "english"} {
		if got, ok := Parse(in); ok {
			t.Errorf("%q is neither language, but read as %v", in, got)
		}
	}
}

func TestFromEnv(t *testing.T) {
	for _, tt := range []struct {
		env  map[string]string
		want Lang
	}{
		{nil, English},
		{map[string]string{"LANG": "zh_CN.UTF-8"}, Chinese},
		{map[string]string{"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, English},
		{map[string]string{"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, Chinese},
		{map[string]string{"LANG": "de_DE.UTF-8"}, English},
	} {
		if got := FromEnv(func(name string) string { return tt.env[name] }); got != tt.want {
			t.Errorf("%v: got %v", tt.env, got)
		}
	}
}

func TestProblem(t *testing.T) {
	cause := fs.ErrNotExist
	err := fmt.Errorf("reading: %w", &Problem{What: Text{EN: "no such file", ZH: "没有这个文件"}, Err: cause})
	p, ok := AsProblem(err)
	if !ok || p.What.In(Chinese) != "没有这个文件" || p.What.In(English) != "no such file" {
		t.Errorf("got %+v, %v", p, ok)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is lost")
	}
	if _, ok := AsProblem(cause); ok {
		t.Error("an ordinary error is no problem told to a person")
	}
	if (Text{}).IsZero() != true || English.String() != "en" || Chinese.String() != "zh" {
		t.Error("small things")
	}
}
