package lesson

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/tools/txtar"

	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// Parse reads a lesson from txtar. Its name is the lesson's name; an error is
// a *lang.Problem that names NAME.txtar, the line, and what was expected there.
func Parse(name string, data []byte) (*Lesson, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	p := &parser{file: name + ".txtar", l: &Lesson{Name: name}}
	if !utf8.Valid(data) {
		return nil, p.bad(1, "the file is not UTF-8 text", "文件不是 UTF-8 文本")
	}
	if err := p.archive(txtar.Parse(data)); err != nil {
		return nil, err
	}
	return p.l, nil
}

// parser holds what is needed to say where something went wrong.
type parser struct {
	file string
	l    *Lesson
	seen map[string]int // sections and header keys, by name: their lines
}

func (p *parser) bad(line int, en, zh string) error {
	at := fmt.Sprintf("%s:%d: ", p.file, line)
	return &lang.Problem{What: lang.Text{EN: at + en, ZH: at + zh}, Code: lang.ExitUsage}
}

// once refuses a second section or header line of the same name.
func (p *parser) once(line int, name string) error {
	if first := p.seen[name]; first != 0 {
		return p.bad(line, fmt.Sprintf("a second %q; the first is on line %d", name, first),
			fmt.Sprintf("重复的 %q；第一个在第 %d 行", name, first))
	}
	p.seen[name] = line
	return nil
}

func (p *parser) archive(a *txtar.Archive) error {
	p.seen = map[string]int{}
	if err := p.header(a.Comment); err != nil {
		return err
	}
	line := 1 + bytes.Count(a.Comment, []byte("\n"))
	for _, f := range a.Files {
		if err := p.section(line, f.Name, string(f.Data)); err != nil {
			return err
		}
		line += 1 + bytes.Count(f.Data, []byte("\n"))
	}
	for _, need := range []string{"script", "expect"} {
		if p.seen["-- "+need+" --"] == 0 {
			return p.bad(line, "no section -- "+need+" --", "缺少 -- "+need+" -- 一节")
		}
	}
	return p.script()
}

// section reads one section whose marker stands on the given line.
func (p *parser) section(line int, name, body string) error {
	name = strings.Join(strings.Fields(name), " ")
	kind, rest, _ := strings.Cut(name, " ")
	when, arg, err := p.when(line, rest)
	if err != nil {
		return err
	}
	switch kind {
	case "note":
		// Two notes may wait for the same kind of segment: the first takes
		// the first. So they need not differ in name.
		return p.note(line, when, arg, body)
	case "console":
		if err := p.once(line, "-- "+name+" --"); err != nil {
			return err
		}
		return p.console(line, when, arg, body)
	case "script", "expect":
		if rest == "" {
			if err := p.once(line, "-- "+name+" --"); err != nil {
				return err
			}
			read := p.action
			if kind == "expect" {
				read = p.promise
			}
			return p.lines(line+1, body, read)
		}
	}
	return p.bad(line, fmt.Sprintf("unknown section %q; expected script, expect, note MOMENT or console KEY", name),
		fmt.Sprintf("未知的节 %q；应为 script、expect、note 时刻 或 console 名称", name))
}

// lines reads a body line by line, without comments and blank lines, each
// with its condition.
func (p *parser) lines(first int, body string, read func(int, When, string) error) error {
	for i, text := range strings.Split(body, "\n") {
		text, _, _ = strings.Cut(text, "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		when, rest, err := p.when(first+i, text)
		if err != nil {
			return err
		}
		if err := read(first+i, when, rest); err != nil {
			return err
		}
	}
	return nil
}

// when cuts a leading [option] or [!option] off.
func (p *parser) when(line int, text string) (When, string, error) {
	text = strings.TrimSpace(text)
	rest, ok := strings.CutPrefix(text, "[")
	if !ok {
		return When{}, text, nil
	}
	name, rest, ok := strings.Cut(rest, "]")
	if !ok {
		return When{}, "", p.bad(line, "expected ] after "+text, "应有 ]："+text)
	}
	var w When
	w.Option, w.Off = strings.CutPrefix(name, "!")
	if _, ok := p.l.Option(w.Option); !ok {
		return When{}, "", p.bad(line,
			fmt.Sprintf("[%s]: the header declares no option %q", name, w.Option),
			fmt.Sprintf("[%s]：文件头没有声明选项 %q", name, w.Option))
	}
	return w, strings.TrimSpace(rest), nil
}

func (p *parser) header(comment []byte) error {
	l := p.l
	fields := map[string]*string{
		"title.en": &l.Title.EN, "title.zh": &l.Title.ZH,
		"teaches.en": &l.Teaches.EN, "teaches.zh": &l.Teaches.ZH,
		"refs": &l.Refs,
	}
	for i, text := range strings.Split(string(comment), "\n") {
		text = strings.TrimSpace(text)
		if text == "" || text[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(text, ":")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if !ok || value == "" {
			return p.bad(i+1, fmt.Sprintf("expected \"key: value\", found %q", text),
				fmt.Sprintf("应为“键: 值”（半角冒号），实为 %q", text))
		}
		if key != "option" {
			if err := p.once(i+1, key); err != nil {
				return err
			}
		}
		var err error
		switch field := fields[key]; {
		case field != nil:
			*field = value
		case key == "order":
			if l.Order, err = strconv.Atoi(value); err != nil {
				return p.bad(i+1, "order: expected a number, found "+value, "order：应为数字，实为 "+value)
			}
		case key == "step":
			if l.Step = value == "yes"; !l.Step && value != "no" {
				return p.bad(i+1, "step: expected yes or no, found "+value, "step：应为 yes 或 no，实为 "+value)
			}
		case key == "wire":
			if l.Wire = value == "yes"; !l.Wire && value != "no" {
				return p.bad(i+1, "wire: expected yes or no, found "+value, "wire：应为 yes 或 no，实为 "+value)
			}
		case key == "option":
			if err := p.option(i+1, value); err != nil {
				return err
			}
		default:
			const keys = "title.en, title.zh, teaches.en, teaches.zh, refs, order, step, wire, option"
			return p.bad(i+1, fmt.Sprintf("unknown key %q; expected one of %s", key, keys),
				fmt.Sprintf("未知的键 %q；应为 %s 之一", key, keys))
		}
	}
	for _, key := range []string{"title.en", "title.zh", "teaches.en", "teaches.zh"} {
		if *fields[key] == "" {
			return p.bad(1, "the header has no "+key, "文件头缺少 "+key)
		}
	}
	return nil
}

func (p *parser) option(line int, value string) error {
	part := strings.Split(value, "|")
	for i := range part {
		part[i] = strings.TrimSpace(part[i])
	}
	if len(part) != 3 || part[1] == "" || part[2] == "" || !isName(part[0]) {
		return p.bad(line, "expected option: name | English text | Chinese text",
			"应为 option: 名称 | 英文说明 | 中文说明")
	}
	if _, ok := p.l.Option(part[0]); ok {
		return p.bad(line, "a second option "+part[0], "重复的选项 "+part[0])
	}
	p.l.Options = append(p.l.Options, Option{part[0], lang.Text{EN: part[1], ZH: part[2]}})
	return nil
}

// isName reports whether s can be a command-line flag: lower-case letters,
// digits and hyphens, a letter first.
func isName(s string) bool {
	for i, r := range s {
		if !(r >= 'a' && r <= 'z' || i > 0 && (r == '-' || r >= '0' && r <= '9')) {
			return false
		}
	}
	return s != ""
}

func (p *parser) console(line int, when When, key, body string) error {
	if !isName(key) {
		return p.bad(line, "expected -- console KEY --, KEY in lower-case letters", "应为 -- console 名称 --，名称用小写字母")
	}
	text, ref, err := p.bilingual(line, body)
	if err != nil {
		return err
	}
	if ref != "" {
		return p.bad(line, "a console line has no ref", "控制台输出没有 ref")
	}
	if p.l.Console == nil {
		p.l.Console = map[string][]ConsoleLine{}
	}
	p.l.Console[key] = append(p.l.Console[key], ConsoleLine{when, line, text})
	return nil
}

func (p *parser) note(line int, when When, moment, body string) error {
	m, err := p.moment(line, moment)
	if err != nil {
		return err
	}
	text, ref, err := p.bilingual(line, body)
	if err != nil {
		return err
	}
	p.l.Notes = append(p.l.Notes, MomentNote{when, line, m, Explanation{text, ref}})
	return nil
}

// moment reads "start", "end" or "client FIN ACK | FIN_WAIT1 CLOSE_WAIT".
func (p *parser) moment(line int, text string) (m Moment, err error) {
	bad := func() (Moment, error) {
		return m, p.bad(line,
			fmt.Sprintf("unknown moment %q; expected start, end, or a segment as the screen shows it, such as client FIN ACK", text),
			fmt.Sprintf("未知的时刻 %q；应为 start、end，或屏幕上显示的报文段，例如 client FIN ACK", text))
	}
	segment, states, hasStates := strings.Cut(text, "|")
	word := strings.Fields(segment)
	switch {
	case len(word) == 1 && word[0] == "start" && !hasStates:
		m.Kind = AtStart
		return m, nil
	case len(word) == 1 && word[0] == "end" && !hasStates:
		m.Kind = AtEnd
		return m, nil
	case len(word) < 2:
		return bad()
	}
	if f, ok := ParseFate(word[len(word)-1]); ok {
		m.Fate, word = f, word[:len(word)-1]
	}
	var ok bool
	if m.Selector, ok = parseSelector(word); !ok {
		return bad()
	}
	if hasStates {
		m.State, err = p.states(line, states)
	}
	return m, err
}

// states reads the client's state and the server's.
func (p *parser) states(line int, text string) (s [2]tcp.State, err error) {
	word := strings.Fields(text)
	ok := len(word) == 2
	for e := 0; ok && e < 2; e++ {
		s[e], ok = parseState(word[e])
	}
	if !ok {
		return s, p.bad(line,
			fmt.Sprintf("expected | and two states, the client's and the server's, such as | FIN_WAIT1 CLOSE_WAIT; found %q", strings.TrimSpace(text)),
			fmt.Sprintf("应为 | 加两个状态（先客户端，后服务器），例如 | FIN_WAIT1 CLOSE_WAIT；实为 %q", strings.TrimSpace(text)))
	}
	return s, nil
}

// parseState is tcp.ParseState for the eleven states alone.
func parseState(name string) (tcp.State, bool) {
	s, ok := tcp.ParseState(name)
	return s, ok && s != tcp.Unknown
}

func parseEnd(word string) (tcp.End, bool) {
	for _, e := range []tcp.End{tcp.Client, tcp.Server} {
		if word == e.String() {
			return e, true
		}
	}
	return 0, false
}

// bilingual reads the body of a note or a console line: paragraphs that begin
// with en:, zh: or ref: and go on over the lines that follow.
func (p *parser) bilingual(marker int, body string) (text lang.Text, ref string, err error) {
	field := map[string]*string{"en": &text.EN, "zh": &text.ZH, "ref": &ref}
	var at *string
	for i, line := range strings.Split(body, "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		if strings.HasPrefix(line, "--") {
			return text, ref, p.bad(marker+1+i, "expected text, found "+line+"; a section begins with -- NAME --, spaces included",
				"应为文字，实为 "+line+"；一节以 -- 名称 -- 开头，空格不可省略")
		}
		if key, value, ok := strings.Cut(line, ":"); ok && field[key] != nil {
			if at = field[key]; *at != "" {
				return text, ref, p.bad(marker+1+i, "a second "+key+":", "重复的 "+key+":")
			}
			line = strings.TrimSpace(value)
		}
		if at == nil {
			return text, ref, p.bad(marker+1+i, "expected en:, zh: or ref:, found "+line, "应为 en:、zh: 或 ref:（半角冒号），实为 "+line)
		}
		*at = join(*at, line)
	}
	for _, key := range []string{"en", "zh"} {
		if *field[key] == "" {
			return text, ref, p.bad(marker, "no "+key+": text in this section", "这一节缺少 "+key+": 文字")
		}
	}
	return text, ref, nil
}

// join puts two lines of a paragraph together: with a space, as between
// English words and between English and Chinese, but without one between
// Chinese characters or beside Chinese punctuation.
func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	last, _ := utf8.DecodeLastRuneInString(a)
	first, _ := utf8.DecodeRuneInString(b)
	if unicode.Is(unicode.Han, last) && unicode.Is(unicode.Han, first) || punctuation(last) || punctuation(first) {
		return a + b
	}
	return a + " " + b
}

// punctuation reports whether r is a full-width mark.
func punctuation(r rune) bool {
	return r >= 0x3001 && r <= 0x303f || r >= 0xff00 && r <= 0xffef || strings.ContainsRune("“”…—", r)
}
