package tcp

// What a table of many connections asks of one.

// Joins reports whether a segment between src and dst, in either direction, has
// this connection's addresses and ports.
func (c *Conn) Joins(src, dst *Endpoint) bool {
	from := c.byPort(src)
	return c.ends[from] == *src && c.ends[from.Peer()] == *dst || c.ends[Client] == *dst && c.ends[Server] == *src
}

// Ends returns both ends.
func (c *Conn) Ends() (client, server Endpoint) { return c.ends[Client], c.ends[Server] }

// LastTime is the time of the latest segment, in nanoseconds since 1970.
func (c *Conn) LastTime() int64 { return c.last }

// Touch reads a little of each part of a connection, so that all of it is on its
// way from memory.
func (c *Conn) Touch() uint32 {
	return uint32(c.ends[Client].Port) + c.half[Client].last + uint32(c.half[Server].rcv) + c.n
}
