package main

import (
	"bytes"
	"testing"

	"lesson/lesson/lang"
)

func TestColoured(t *testing.T) {
	for _, c := range []struct {
		mode colorMode
		env  map[string]string
		want bool
	}{
		{colorAlways, map[string]string{"NO_COLOR": "1"}, true},
		{colorNever, nil, false},
		{colorAuto, nil, false}, // a buffer is no terminal
	} {
		a := &app{color: c.mode, getenv: environment(c.env)}
		if got := a.colored(&bytes.Buffer{}); got != c.want {
			t.Errorf("%s, %v: %v", c.mode, c.env, got)
		}
	}
}

func TestWidth(t *testing.T) {
	for columns, want := range map[string]int{"": 80, "x": 80, "-3": 80, "10": 40, "40": 40, "120": 120, "9999": 200} {
		a := &app{getenv: environment(map[string]string{"COLUMNS": columns})}
		if got := a.width(&bytes.Buffer{}); got != want {
			t.Errorf("COLUMNS=%q: %d, want %d", columns, got, want)
		}
	}
}

func TestASCII(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want bool
	}{
		{nil, false},
		{map[string]string{"LANG": "zh_CN.UTF-8"}, false},
		{map[string]string{"LANG": "en_US.utf8"}, false},
		{map[string]string{"LANG": "en_US.ISO-8859-1"}, true},
		{map[string]string{"LC_ALL": "C", "LANG": "C.UTF-8"}, true},
		{map[string]string{"LC_CTYPE": "C.UTF-8", "LANG": "C"}, false},
	} {
		if got := (&app{getenv: environment(c.env)}).ascii(); got != c.want {
			t.Errorf("%v: %v", c.env, got)
		}
	}
}

func TestLanguage(t *testing.T) {
	for _, c := range []struct {
		args []string
		env  map[string]string
		want lang.Lang
	}{
		{nil, nil, lang.English},
		{nil, map[string]string{"LANG": "zh_CN.UTF-8"}, lang.Chinese},
		{[]string{"--lang=en", "list"}, map[string]string{"LANG": "zh_CN.UTF-8"}, lang.English},
		{[]string{"list", "--lang", "zh"}, nil, lang.Chinese},
		{[]string{"list", "--lang", "zh", "--lang=en"}, nil, lang.English},
		{[]string{"list", "--lang=fr"}, map[string]string{"LC_ALL": "zh"}, lang.Chinese},
		{[]string{"explain", "--", "--lang=zh"}, nil, lang.English},
		{[]string{"list", "--lang"}, nil, lang.English},
	} {
		if got := languageOf(c.args, environment(c.env)); got != c.want {
			t.Errorf("%v, %v: %v", c.args, c.env, got)
		}
	}
}
