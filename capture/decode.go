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
	quoted  quote // by an ICMP error
	sums    senders
}

// frame is what the layers of one frame tell each other on the way in.
type frame struct {
	time     int64
	src, dst [16]byte // of the innermost IP header
	over6    bool     // that is one of IPv6
	missing  int      // bytes that were on the wire after the last captured one, by the innermost length field
	guessed  bool     // the IP header had no length
	rerouted bool     // the IP destination is not the final one, which the checksum covers
	id       uint16   // of that IPv4 header, 0 for IPv6
	hops     uint8    // its time to live, or hop limit
	vlan     uint32   // the tags so far
	frags    fragments
	outcome  outcome
	unopened Wrapping // where that is the outcome
	foreign  LinkType // likewise
}

// Errors that end the decoding of a frame. Nobody reads them: the outcome has
// been set by then.
var (
	errShort     = errors.New("header cut short")
	errMalformed = errors.New("header contradicts itself")
	errForeign   = errors.New("not a protocol that carries TCP")
	errOtherLink = errors.New("a link type that cannot be read")
)

func (d *decoder) init() {
	f := &d.frame
	d.link.frame = f
	container := gopacket.DecodingLayerContainer(gopacket.DecodingLayerArray(nil))
	for _, l := range []gopacket.DecodingLayer{ // searched in this order
		&d.link,
		&shim{frame: f, typ: layerTypeEthernet, read: readEthernet},
		&ipv4{frame: f},
		&d.seg,
		&ipv6{frame: f},
		&shim{frame: f, typ: layerTypeVLAN, read: f.readVLAN},
		&shim{frame: f, typ: layerTypeLLC, read: readLLC},
		&shim{frame: f, typ: layerTypeMPLS, read: readMPLS},
		&shim{frame: f, typ: layerTypePPPoE, read: readPPPoE},
		&shim{frame: f, typ: layerTypePPP, read: readPPP},
		&shim{frame: f, typ: layerTypeUDP, read: readUDP},
		&shim{frame: f, typ: layerTypeVXLAN, read: f.readVXLAN},
		&shim{frame: f, typ: layerTypeGeneve, read: f.readGeneve},
		&shim{frame: f, typ: layerTypeGRE, read: readGRE},
		&shim{frame: f, typ: layerTypeERSPAN, read: readERSPAN},
		&shim{frame: f, typ: layerTypeGTP, read: readGTP},
		&shim{frame: f, typ: layerTypeL2TP, read: readL2TP},
		&shim{frame: f, typ: layerTypeTeredo, read: readTeredo},
		&shim{frame: f, typ: layerTypeAYIYA, read: readAYIYA},
		&shim{frame: f, typ: layerTypeVXLANGPE, read: f.readVXLANGPE},
		&shim{frame: f, typ: layerTypeLISP, read: readLISP},
		&shim{frame: f, typ: layerTypeEtherIP, read: readEtherIP},
		&shim{frame: f, typ: layerTypeITag, read: f.readITag},
		&shim{frame: f, typ: layerTypeETag, read: readETag},
		&shim{frame: f, typ: layerTypeVNTag, read: readVNTag},
		&shim{frame: f, typ: layerTypeNSH, read: readNSH},
		&shim{frame: f, typ: layerTypeMACsec, read: readMACsec},
		&shim{frame: f, typ: layerTypeESP, read: sealed(wrapESP)},
		&shim{frame: f, typ: layerTypeESPinUDP, read: readESPinUDP},
		&shim{frame: f, typ: layerTypeWireGuard, read: readWireGuard},
		&shim{frame: f, typ: layerTypeOpenVPN, read: readOpenVPN},
		&shim{frame: f, typ: layerTypeIPComp, read: sealed(wrapIPComp)},
		&shim{frame: f, typ: layerTypeL2TPv3, read: sealed(wrapL2TPv3)},
		&shim{frame: f, typ: layerTypeCAPWAP, read: readCAPWAP},
		&shim{frame: f, typ: layerTypeGUE, read: readGUE},
		&shim{frame: f, typ: layerTypeMinimal, read: sealed(wrapMinimal)},
		&icmpLayer{typ: layerTypeICMP, frame: f, quoted: &d.quoted},
		&icmpLayer{typ: layerTypeICMP6, v6: true, frame: f, quoted: &d.quoted},
	} {
		container = container.Put(l)
	}
	d.parser = gopacket.NewDecodingLayerParser(layerTypeLink)
	d.parser.SetDecodingLayerContainer(container)
	d.parser.IgnoreUnsupported = true
}

// decode reads p down to its TCP header and, when there is one, describes the
// segment in s; its header and payload are then in d.seg. A header that was cut
// short behind its flags is a segment too, with the options that were captured,
// and says what is missing (tcp.Segment.CutOff).
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
	f := &d.frame
	if !p.link.Readable() {
		f.foreign = p.link
		return isOtherLink
	}
	f.time, f.missing, f.guessed, f.rerouted = p.time, max(p.wire-len(p.data), 0), false, false
	f.vlan, f.outcome = 0, notTCP
	d.link.kind = p.link
	err := d.parser.DecodeLayers(p.data, &d.decoded)
	if f.outcome == isSegment {
		*s = tcp.Segment{Time: p.time, Src: tcp.Endpoint{IP: f.src}, Dst: tcp.Endpoint{IP: f.dst}, VLAN: f.vlan}
		d.seg.fill(s)
		s.ID, s.Hops = f.id, f.hops
	}
	switch {
	case f.outcome != notTCP:
	case len(p.data) == 0 && f.missing > 0:
		f.outcome = isUnclear
	case err != nil:
		f.conclude(err)
	}
	return f.outcome
}

// conclude says what an error that ended the layers means for the frame.
func (f *frame) conclude(err error) {
	if w, ok := err.(Wrapping); ok { //nolint:errorlint // it is never wrapped
		f.outcome, f.unopened = isUnopened, w
		return
	}
	switch {
	case errors.Is(err, errOtherLink):
		f.outcome = isOtherLink
	case errors.Is(err, errShort) && f.missing > 0:
		f.outcome = isUnclear
	}
}
