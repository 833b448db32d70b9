package events

import (
	"net/netip"

	"lesson/lesson"
)

// icmp writes an ICMP error.
func (l *line) icmp(e *lesson.ICMP) {
	l.event("icmp")
	l.int("stream", int64(e.Stream))
	l.int("frame", int64(e.Number))
	if e.File != "" {
		l.string("file", e.File)
	}
	l.seconds("time", e.Since)
	l.host("from", e.Sender())
	l.string("to", e.Step.To.String())
	l.key("src")
	l.address(e.Src)
	l.key("dst")
	l.address(e.Dst)
	l.string("protocol", e.Protocol())
	l.int("type", int64(e.Type))
	l.int("code", int64(e.Code))
	l.string("name", e.Name())
	if e.TooBig() {
		l.int("mtu", int64(e.MTU))
	}
	l.int("seq", e.Step.Seq)
	l.int("seq_abs", int64(e.Seq))
	for end, name := range [2]string{"client", "server"} {
		l.key(name)
		l.open('{')
		l.string("before", e.Step.Before[end].String())
		l.string("after", e.Step.After[end].String())
		l.bool("inferred", e.Step.Inferred[end])
		l.close('}')
	}
	l.string("effect", e.Step.Effect.String())
	l.explain(e.Explain)
}

// host writes an address without a port.
func (l *line) host(name string, a netip.Addr) {
	l.key(name)
	*l = append(*l, '"')
	*l = a.AppendTo(*l)
	*l = append(*l, '"')
}
