package ladder

import (
	"cmp"
	"fmt"
	"slices"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// overview is what a table shows of more connections than anybody reads: how
// many opened and closed in which way, the troubled ones first, with examples
// of each. It keeps no more than those.
type overview struct{ kinds []*kind }

// kind is the connections that opened and closed in one way.
type kind struct {
	opened  lesson.Opened
	closed  lesson.Closed
	how     lang.Text // it closed
	reset   [2]bool
	count   int
	example []lesson.Connection // the first of them
}

const (
	// Of a kind as rare as this every connection is shown,
	rare = 16
	// and of any other so many.
	few = 3
)

// add counts a connection.
func (o *overview) add(c *lesson.Connection) {
	k := o.kind(c)
	if k.count++; len(k.example) < rare {
		k.example = append(k.example, *c)
	}
}

func (o *overview) kind(c *lesson.Connection) *kind {
	how := howClosed(c)
	for _, k := range o.kinds {
		if k.opened == c.Opened && k.closed == c.Closed && k.how == how && k.reset == c.Reset {
			return k
		}
	}
	k := &kind{opened: c.Opened, closed: c.Closed, how: how, reset: c.Reset}
	o.kinds = append(o.kinds, k)
	return k
}

// trouble says what is shown first.
var trouble = [...]int{lesson.ClosedReset: 0, lesson.ClosedNever: 1, lesson.ClosedHalf: 2, lesson.ClosedNot: 3, lesson.ClosedFIN: 4}

// sorted lists the kinds, the troubled before the others and then the rare.
func (o *overview) sorted() []*kind {
	slices.SortStableFunc(o.kinds, func(a, b *kind) int {
		return cmp.Or(cmp.Compare(trouble[a.closed], trouble[b.closed]), cmp.Compare(a.count, b.count))
	})
	for _, k := range o.kinds {
		if k.count > rare {
			k.example = k.example[:few]
		}
	}
	return o.kinds
}

// overview draws the kinds, each with its examples.
func (t *Table) overview() {
	kinds := t.many.sorted()
	for _, k := range kinds {
		for i := range k.example {
			t.first = append(t.first, &k.example[i])
		}
	}
	if t.width >= cards {
		t.names()
	}
	t.first = nil
	for _, k := range kinds {
		t.line(nil)
		t.wrapped(1, paragraph{boldInk, "", t.say(lang.Text{
			EN: count(uint64(k.count), "connection") + ": " + kindText(k).EN,
			ZH: fmt.Sprintf("%d 个连接：%s", k.count, kindText(k).ZH),
		})})
		for i := range k.example {
			t.connection(&k.example[i])
		}
		if more := k.count - len(k.example); more > 0 {
			t.wrapped(t.columns[numberColumn]+1, paragraph{faintInk, "", t.say(lang.Text{
				EN: fmt.Sprintf("… and %d more", more), ZH: fmt.Sprintf("……还有 %d 个", more),
			})})
		}
	}
	t.line(nil)
	t.wrapped(1, paragraph{faintInk, "", t.say(lang.Text{
		EN: "--stream N draws one of them; --summary --json lists them all.",
		ZH: "--stream N 画出其中一个；--summary --json 列出全部。",
	})})
}

// kindText is how connections of a kind opened and closed.
func kindText(k *kind) lang.Text {
	s := and(openedText[k.opened], k.how)
	if k.closed != lesson.ClosedReset || k.reset[tcp.Client] == k.reset[tcp.Server] {
		return s
	}
	e := tcp.Client
	if k.reset[tcp.Server] {
		e = tcp.Server
	}
	return lang.Text{EN: s.EN + " from the " + words.end[e].EN, ZH: openedText[k.opened].ZH + "，被" + words.end[e].ZH + "发出的 RST 中止"}
}
