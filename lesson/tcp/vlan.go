package tcp

// Virtual networks around a segment are kept as one number: two VLAN
// identifiers as they are, what else there may be as a hash, which is told by
// its top bit.
const (
	hashed  = 1 << 31
	maxVLAN = 1<<12 - 1 // of an identifier of IEEE 802.1Q
)

// WithVLAN adds a tag of IEEE 802.1Q behind those that stand before it. The
// identifier 0 stands for no VLAN (IEEE 802.1Q §9.6).
func WithVLAN(tags uint32, id uint16) uint32 {
	switch {
	case id == 0:
		return tags
	case tags <= maxVLAN && id <= maxVLAN:
		return tags<<12 | uint32(id)
	}
	return WithNetwork(tags, uint32(id))
}

// WithNetwork adds the identifier of another kind of virtual network, such as
// one of VXLAN or Geneve.
func WithNetwork(tags, id uint32) uint32 { return (tags*0x9e3779b1+id)*0x85ebca6b | hashed }

// VLANs are the VLAN identifiers that a Segment's VLAN stands for, the outermost
// first, and how many they are: none where there are more than two, or other
// virtual networks too.
func VLANs(tags uint32) (ids [2]uint16, n int) {
	if tags&hashed != 0 {
		return ids, 0
	}
	for _, id := range [...]uint32{tags >> 12, tags & maxVLAN} {
		if id != 0 {
			ids[n] = uint16(id)
			n++
		}
	}
	return ids, n
}
