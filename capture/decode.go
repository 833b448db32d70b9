package capture

import (
	"errors"

	"github.com/google/gopacket"

	"lesson/lesson/tcp"
)

// decoder turns frames into segments. Its layers are used again for each
// frame, so that a frame costs no allocation.
type decoder struct {
	parser  *gopacket.DecodingLayerParser
	decoded []gopacket.LayerType
	frame   frame
	link    linkLayer
	seg     segmentLayer
	sums    senders
}

// frame is what the layers of one frame tell each other on the way in.
type frame struct {
	time     int64
	src, dst [16]byte // of the innermost IP header
	missing  int      // bytes that were on the wire after the last captured one, by the innermost length field
	guessed  bool     // the IP header had no length
	rerouted bool     // the IP destination is not the final one, which the checksum covers
	id       uint16   // of that IPv4 header, 0 for IPv6
	hops     uint8    // its time to live, or hop limit
	frags    fragments
	outcome  outcome
}

// Errors that end the decoding of a frame. Nobody reads them: the outcome has
// been set by then.
var (
	errShort     = errors.New("header cut short")
	errMalformed = errors.New("header contradicts itself")
	errForeign   = errors.New("not a protocol that carries TCP")
)

func (d *decoder) init() {
	f := &d.frame
	container := gopacket.DecodingLayerContainer(gopacket.DecodingLayerArray(nil))
	for _, l := range []gopacket.DecodingLayer{ // searched in this order
		&d.link,
		&shim{typ: layerTypeEthernet, read: readEthernet},
		&ipv4{frame: f},
		&d.seg,
		&ipv6{frame: f},
		&shim{typ: layerTypeVLAN, read: readVLAN},
		&shim{typ: layerTypeLLC, read: readLLC},
		&shim{typ: layerTypeMPLS, read: readMPLS},
		&shim{typ: layerTypePPPoE, read: readPPPoE},
		&shim{typ: layerTypePPP, read: readPPP},
		&shim{typ: layerTypeGRE, read: readGRE},
		&shim{typ: layerTypeUDP, read: readUDP},
		&shim{typ: layerTypeVXLAN, read: readVXLAN},
	} {
		container = container.Put(l)
	}
	d.parser = gopacket.NewDecodingLayerParser(layerTypeLink)
	d.parser.SetDecodingLayerContainer(container)
	d.parser.IgnoreUnsupported = true
}

// decode reads p down to its TCP header and, when there is one, describes the
// segment in s; its header and payload are then in d.seg. A header that was cut
// short behind its flags is a segment too, with the options that were captured;
// a window that was not captured is given as the largest, which forbids nothing
// (see Captured.Header for what is real).
func (d *decoder) decode(p *packet, s *tcp.Segment) outcome {
	d.seg.frame = &d.frame
	if !d.fast(p, s) {
		if o := d.layered(p, s); o != isSegment {
			return o
		}
	}
	s.BadChecksum = d.sums.judge(&s.Src.IP, d.seg.sum(&s.Src.IP, &s.Dst.IP))
	return isSegment
}

// layered decodes any frame, layer by layer; the checksum is not judged.
func (d *decoder) layered(p *packet, s *tcp.Segment) outcome {
	if d.parser == nil {
		d.init()
	}
	if !p.link.Readable() {
		return isOtherLink
	}
	f := &d.frame
	f.time, f.missing, f.guessed, f.rerouted = p.time, max(p.wire-len(p.data), 0), false, false
	f.outcome = notTCP
	d.link.kind = p.link
	// An error only says how far the layers got; the outcome says the same.
	if err := d.parser.DecodeLayers(p.data, &d.decoded); err != nil && f.outcome != isSegment {
		return f.outcome
	}
	if f.outcome == isSegment {
		*s = tcp.Segment{Time: p.time, Src: tcp.Endpoint{IP: f.src}, Dst: tcp.Endpoint{IP: f.dst}}
		d.seg.fill(s)
	}
	return f.outcome
}
