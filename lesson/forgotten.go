package lesson

// forgotten remembers which ends belonged to the latest connections that were
// told and forgotten, so that a segment that comes after all does not count as
// a new connection. It keeps hashes alone, of half a generation to two.
type forgotten struct {
	young, old generation
}

// generation is a set of hashes with a number each, by open addressing.
type generation struct {
	hash   []uint64 // 0: free
	stream []uint32
	used   int
}

// lifetime is how many connections a generation holds.
const lifetime = 1 << 18

// any reports whether there is any.
func (f *forgotten) any() bool { return f.young.hash != nil }

func (f *forgotten) add(h uint64, stream uint32) {
	if f.young.used == lifetime {
		f.young, f.old = f.old, f.young
		clear(f.young.hash)
		f.young.used = 0
	}
	if f.young.hash == nil {
		f.young.hash, f.young.stream = make([]uint64, 2*lifetime), make([]uint32, 2*lifetime)
	}
	i, ok := f.young.find(h)
	if !ok {
		f.young.hash[i] = h | 1
		f.young.used++
	}
	f.young.stream[i] = stream
}

// find returns the number of the connection that was forgotten last.
func (f *forgotten) find(h uint64) (stream uint32, ok bool) {
	for _, g := range [...]*generation{&f.young, &f.old} {
		if g.used > 0 {
			if i, ok := g.find(h); ok {
				return g.stream[i], true
			}
		}
	}
	return 0, false
}

// find returns where a hash is, or where it belongs.
func (g *generation) find(h uint64) (at int, ok bool) {
	const mask = 2*lifetime - 1
	h |= 1
	i := int(h>>20) & mask
	for g.hash[i] != 0 {
		if g.hash[i] == h {
			return i, true
		}
		i = (i + 1) & mask
	}
	return i, false
}
