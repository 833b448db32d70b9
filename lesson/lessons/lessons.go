// Package lessons is the catalogue: every lesson is one .txtar file that can
// be read, copied and changed. They are part of the program.
package lessons

import (
	"cmp"
	"embed"
	"slices"
	"strings"
	"sync"

	"lesson/lesson"
)

//go:embed *.txtar
var files embed.FS

// All lists the lessons in the order in which they are best taken. The list is
// the caller's; the lessons are shared and must not be changed.
func All() []*lesson.Lesson { return slices.Clone(all()) }

var all = sync.OnceValue(func() []*lesson.Lesson {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // part of the program: a test reads them all
	}
	var list []*lesson.Lesson
	for _, e := range entries {
		l, _ := Find(strings.TrimSuffix(e.Name(), ".txtar"))
		list = append(list, l)
	}
	slices.SortFunc(list, func(a, b *lesson.Lesson) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), strings.Compare(a.Name, b.Name))
	})
	return list
})

// Find reads the lesson of that name alone.
func Find(name string) (*lesson.Lesson, bool) {
	data, err := files.ReadFile(name + ".txtar")
	if err != nil {
		return nil, false
	}
	l, err := lesson.Parse(name, data)
	if err != nil {
		panic(err)
	}
	return l, true
}
