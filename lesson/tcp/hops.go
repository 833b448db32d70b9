package tcp

// HopLimits remembers, by End, the hop limits (in IPv4, the time to live) with
// which a connection's segments were captured. All that one machine sends along one
// route has the same, so that another one is a hint at another machine, or another
// route. Its zero value is ready.
type HopLimits [2]hopLimits

// hopLimits are those of one end; 0 stands for none.
type hopLimits struct {
	usual, before uint8 // the latest that is believed to be the end's own, and one before it
	odd, times    uint8 // another one, and how many of its ordinary segments had it
}

const (
	// near is by how much a hop limit changes as routes do from time to time.
	near = 2
	// settled is how many ordinary segments make a hop limit the end's own.
	settled = 3
)

// Mark looks at the hop limit of a segment, and marks its step HopLimitDiffers
// if its sender's others had another, which it returns. A copy does not count:
// its hop limit shows only how far it has come meanwhile.
func (h *HopLimits) Mark(c *Captured, step *Step) (usual uint8) {
	x := &h[step.From&1]
	if c.Hops == 0 || step.Findings&(Copy|BadChecksum) != 0 || x.expects(c) {
		return 0
	}
	step.Findings |= HopLimitDiffers
	return x.usual
}

// expects reports whether a segment's hop limit is the end's own, as far as that
// is known. A RST teaches nothing, and neither does a SYN or FIN that differs: of
// all that is forged, they are worth it most.
func (x *hopLimits) expects(c *Captured) bool {
	hops, ordinary := c.Hops, c.Flags&(SYN|FIN|RST) == 0
	switch {
	case hops == x.usual || hops == x.before:
		return true
	case x.usual == 0:
		if !c.Flags.Has(RST) {
			x.usual = hops
		}
		return true
	case !ordinary:
		return false
	case max(hops, x.usual)-min(hops, x.usual) > near:
		if x.odd != hops {
			x.odd, x.times = hops, 0
		}
		if x.times++; x.times < settled {
			return false
		}
		x.odd = 0
	}
	x.usual, x.before = hops, x.usual
	return true
}
