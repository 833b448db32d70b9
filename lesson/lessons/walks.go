package lessons

import (
	_ "embed"
	"sync"

	"lesson/lesson"
)

//go:embed walks.txt
var walked []byte

// Walks says which lessons walk which arrows of the state machine. A test
// plays them all and holds the list to what the kernels did.
func Walks() lesson.Walks { return walks() }

var walks = sync.OnceValue(func() lesson.Walks {
	w, err := lesson.ParseWalks(walked)
	if err != nil {
		panic(err) // part of the program: a test reads it
	}
	return w
})
