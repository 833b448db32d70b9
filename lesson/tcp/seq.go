package tcp

// Seq is a TCP sequence number: a position in one end's byte stream, modulo
// 2^32. Comparisons hold for numbers less than 2^31 apart (RFC 9293 §3.4).
type Seq uint32

// Add returns the sequence number n positions after s.
func (s Seq) Add(n uint32) Seq { return s + Seq(n) }

// Sub returns how many positions s is after o, modulo 2^32.
func (s Seq) Sub(o Seq) uint32 { return uint32(s - o) }

// Less reports whether s comes before o.
func (s Seq) Less(o Seq) bool { return int32(s-o) < 0 }

// LessEq reports whether s comes before o or is o.
func (s Seq) LessEq(o Seq) bool { return int32(s-o) <= 0 }

// In reports whether s lies in the size positions that start at lo.
func (s Seq) In(lo Seq, size uint32) bool { return s.Sub(lo) < size }
