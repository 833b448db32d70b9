package lesson

// forgotten remembers which ends belonged to the latest connections that were
// told and forgotten, so that a segment that comes after all does not count as
// a new connection. It keeps hashes alone, of one generation to two.
type forgotten struct {
	young, old generation
	// The latest wait until there are enough of them: the memory of all is then
	// waited for at once.
	latest [16]struct {
		hash   uint64
		number uint32
	}
	waiting int
}

// generation is a set of hashes with a number each, by open addressing: half of
// a hash says where an entry lies, the other half is in it.
type generation struct {
	entry []uint64 // tag<<32 | number+1; 0 is free
	used  int
}

// lifetime is how many connections a generation holds.
const lifetime = 1 << 17

// any reports whether there is any.
func (f *forgotten) any() bool { return f.waiting+f.young.used > 0 }

// add remembers a connection by the hash of its ends.
func (f *forgotten) add(h uint64, number uint32) {
	l := &f.latest[f.waiting]
	l.hash, l.number = h, number
	if f.waiting++; f.waiting == len(f.latest) {
		f.settle()
	}
}

// settle gives those that wait their places.
func (f *forgotten) settle() {
	for _, l := range f.latest[:f.waiting] {
		f.place(l.hash, l.number)
	}
	f.waiting = 0
}

func (f *forgotten) place(h uint64, number uint32) {
	if f.young.used == lifetime {
		f.young, f.old = f.old, f.young
		clear(f.young.entry)
		f.young.used = 0
	}
	if f.young.entry == nil {
		f.young.entry = written(2 * lifetime)
	}
	at := f.young.find(h)
	if f.young.entry[at] == 0 {
		f.young.used++
	}
	f.young.entry[at] = h>>32<<32 | uint64(number+1)
}

// find returns the number of the connection that was forgotten last.
func (f *forgotten) find(h uint64) (number uint32, ok bool) {
	f.settle()
	for _, g := range [...]*generation{&f.young, &f.old} {
		if g.used > 0 {
			if v := g.entry[g.find(h)]; v != 0 {
				return uint32(v) - 1, true
			}
		}
	}
	return 0, false
}

// find returns where a hash is, or where it belongs.
func (g *generation) find(h uint64) uint64 {
	const mask = 2*lifetime - 1
	at := h & mask
	for g.entry[at] != 0 && g.entry[at]>>32 != h>>32 {
		at = (at + 1) & mask
	}
	return at
}
