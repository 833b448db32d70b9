package follow

import "lesson/lesson/tcp"

// index finds a flow by the hash of its two ends: open addressing, each step
// of a search one slot further. At most half of the slots are taken.
type index struct {
	slots []slot
	used  int
}

type slot struct {
	hash uint32
	flow ref // none: free
}

// find returns the slot of a flow, or the free slot where it belongs.
func (x *index) find(hash uint32, is func(ref) bool) *slot {
	mask := len(x.slots) - 1
	for i := int(hash) & mask; ; i = (i + 1) & mask {
		if s := &x.slots[i]; s.flow == none || s.hash == hash && is(s.flow) {
			return s
		}
	}
}

// add puts a flow that is not there yet.
func (x *index) add(hash uint32, flow ref) {
	if 2*(x.used+1) > len(x.slots) {
		old := x.slots
		x.slots = make([]slot, max(2*len(old), 1024))
		for _, s := range old {
			if s.flow != none {
				*x.find(s.hash, never) = s
			}
		}
	}
	*x.find(hash, never) = slot{hash, flow}
	x.used++
}

func never(ref) bool { return false }

// remove takes a flow out and moves those behind it up, so that no search
// ends too early.
func (x *index) remove(hash uint32, flow ref) {
	mask := len(x.slots) - 1
	i := int(hash) & mask
	for x.slots[i].flow != flow {
		i = (i + 1) & mask
	}
	x.used--
	for j := i; ; {
		j = (j + 1) & mask
		s := x.slots[j]
		if s.flow == none {
			break
		}
		if home := int(s.hash) & mask; (j-home)&mask >= (j-i)&mask {
			x.slots[i] = s
			i = j
		}
	}
	x.slots[i] = slot{}
}

// endpointLess is an order of endpoints that both directions share.
func endpointLess(a, b *tcp.Endpoint) bool {
	if a.Port != b.Port {
		return a.Port < b.Port
	}
	for i := range a.IP {
		if a.IP[i] != b.IP[i] {
			return a.IP[i] < b.IP[i]
		}
	}
	return false
}
