package traffic

// What one connection sends, from its SYN to its end.

// Control bits, as they stand in a header.
const (
	fin = 1
	syn = 2
	rst = 4
	psh = 8
	ack = 16
)

// optionSet says which options a packet carries.
type optionSet uint8

const (
	noOptions optionSet = iota
	synOptions
	timestamps
	sackBlock
)

type ends struct {
	v6     bool
	again  bool      // of an earlier connection
	client [2]uint32 // numbers of the client's host and the server's
	port   [2]uint16
}

// packet is one segment; dir 0 goes from client to server.
type packet struct {
	at       int64
	dir      uint8
	flags    uint8
	options  optionSet
	window   uint16
	length   uint16
	seq, ack uint32
	sack     [2]uint32
}

type connection struct {
	ends
	plan []packet
	next int

	// While it is planned:
	g    *generator
	at   int64
	pace float64 // mean time between segments
	nxt  [2]uint32
	got  [2]uint32 // what each end acknowledges
	ts   bool
}

// connect plans a connection of about so many packets.
func (g *generator) connect(budget int, last bool) *connection {
	c := &connection{ends: g.ends(), g: g, at: g.now, ts: g.rand.IntN(4) > 0}
	c.nxt = [2]uint32{g.rand.Uint32(), g.rand.Uint32()}
	c.pace = 2e6 * float64(1+g.rand.IntN(20))
	if g.rand.IntN(100) == 0 {
		c.pace = 2e9 // a slow one
	}
	c.plan = make([]packet, 0, budget+8)
	kind := g.rand.IntN(40)
	switch {
	case last: // as many as are left
		c.open()
		c.talk(budget - len(c.plan))
	case kind == 0: // refused
		c.syn()
		c.add(1, rst|ack, 0)
	case kind == 1: // nobody there
		for i := range min(budget, 3) {
			c.syn()
			c.nxt[0]--
			c.at += 1e9 << i
		}
	case kind == 2: // a scan
		c.syn()
		c.synAck()
		c.add(0, rst, 0)
	case budget < 7:
		c.open()
		c.add(0, rst|ack, 0)
	default:
		if kind == 3 && !c.again { // begun before the capture
			c.got = [2]uint32{c.nxt[1], c.nxt[0]}
		} else {
			c.open()
		}
		c.talk(budget - len(c.plan) - 4)
		c.close(kind)
	}
	return c
}

func (c *connection) syn() {
	c.add(0, syn, 0)
	c.got[1] = c.nxt[0]
}

func (c *connection) synAck() {
	c.add(1, syn|ack, 0)
	c.got[0] = c.nxt[1]
}

func (c *connection) open() {
	c.syn()
	c.synAck()
	c.add(0, ack, 0)
}

// talk exchanges about n packets of data and acknowledgements.
func (c *connection) talk(n int) {
	r := c.g.rand
	for stop := len(c.plan) + n; len(c.plan) < stop; {
		left := stop - len(c.plan)
		dir := uint8(r.IntN(2))
		size := 1 + r.IntN(60)
		switch accident := r.IntN(40); {
		case accident == 0 && left >= 3: // sent again
			c.data(dir, size)
			again := c.plan[len(c.plan)-1]
			c.at += 200e6
			again.at = c.at
			c.plan = append(c.plan, again)
			c.acknowledge(1-dir, 0)
		case accident == 1 && left >= 6: // lost, reported by SACK and sent again
			lost := c.nxt[dir]
			c.nxt[dir] += uint32(size)
			from := c.nxt[dir]
			c.data(dir, size)
			c.add(1-dir, ack, 0)
			c.plan[len(c.plan)-1].options, c.plan[len(c.plan)-1].sack = sackBlock, [2]uint32{from, c.nxt[dir]}
			c.add(dir, psh|ack, size)
			p := &c.plan[len(c.plan)-1]
			p.seq = lost
			c.nxt[dir] -= uint32(size)
			c.acknowledge(1-dir, 0)
		case accident == 2 && left >= 4: // keep-alive
			c.add(dir, ack, 0)
			c.plan[len(c.plan)-1].seq--
			c.add(1-dir, ack, 0)
		case accident == 3 && left >= 4: // zero window, and open again
			c.data(dir, size)
			c.acknowledge(1-dir, 0)
			c.plan[len(c.plan)-1].window = 0
			c.add(1-dir, ack, 0)
		case left == 1:
			c.add(dir, ack, 0)
		default:
			c.data(dir, size)
			c.acknowledge(1-dir, 0)
		}
	}
}

// data sends size bytes.
func (c *connection) data(dir uint8, size int) { c.add(dir, psh|ack, size) }

// acknowledge sends an ACK of all that the peer has sent, perhaps with FIN.
func (c *connection) acknowledge(dir, flags uint8) {
	c.got[dir] = c.nxt[1-dir]
	c.add(dir, ack|flags, 0)
}

// close ends the connection in about four packets.
func (c *connection) close(kind int) {
	r := c.g.rand
	first := uint8(kind & 1)
	c.got = [2]uint32{c.nxt[1], c.nxt[0]}
	switch {
	case kind < 8: // three segments
		c.acknowledge(first, fin)
		c.acknowledge(1-first, fin)
		c.acknowledge(first, 0)
		if kind < 6 { // the last ACK is lost
			again := c.plan[len(c.plan)-2]
			again.at = c.at + 2e8
			c.plan = append(c.plan, again)
		}
	case kind < 10: // at once
		c.add(first, fin|ack, 0)
		c.add(1-first, fin|ack, 0)
		c.acknowledge(first, 0)
		c.acknowledge(1-first, 0)
	case kind < 12: // aborted
		c.acknowledge(first, 0)
		c.add(first, rst|ack, 0)
	case kind < 14: // FIN, answered with RST
		c.acknowledge(first, fin)
		c.add(1-first, rst, 0)
	case kind == 14: // one direction
		c.acknowledge(first, fin)
		c.acknowledge(1-first, 0)
	case kind == 15: // not at all
		c.acknowledge(first, 0)
	default:
		c.acknowledge(first, fin)
		c.acknowledge(1-first, 0)
		c.at += int64(r.ExpFloat64() * c.pace)
		c.add(1-first, fin|ack, 0)
		c.acknowledge(first, 0)
	}
}

// add plans one segment at the connection's numbers.
func (c *connection) add(dir, flags uint8, size int) {
	c.at += 1000 + int64(c.g.rand.ExpFloat64()*c.pace)
	p := packet{at: c.at, dir: dir, flags: flags, length: uint16(size), seq: c.nxt[dir], window: 502}
	if flags&ack != 0 {
		p.ack = c.got[dir]
	}
	switch {
	case flags&syn != 0:
		p.options, p.window = synOptions, 64240
	case c.ts && flags&rst == 0:
		p.options = timestamps
	}
	c.nxt[dir] += uint32(size)
	if flags&(syn|fin) != 0 {
		c.nxt[dir]++
	}
	c.plan = append(c.plan, p)
}
