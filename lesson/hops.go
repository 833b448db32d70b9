package lesson

import "lesson/lesson/tcp"

// hops are the hop limits of connections whose segments are told, by their slots
// in the table, in slabs as there.
type hops []*[slabLen]tcp.HopLimits

func (h *hops) at(slot uint32) *tcp.HopLimits {
	for uint32(len(*h)) <= slot/slabLen {
		*h = append(*h, new([slabLen]tcp.HopLimits))
	}
	return &(*h)[slot/slabLen][slot%slabLen]
}

// clear forgets those of a slot, which is to hold another connection.
func (h *hops) clear(slot uint32) {
	if uint32(len(*h)) > slot/slabLen {
		*h.at(slot) = tcp.HopLimits{}
	}
}
