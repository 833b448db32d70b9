package capture

import (
	"encoding/binary"

	"github.com/google/gopacket"
)

// linkLayer is where every frame begins. It takes off what the link type puts
// in front, unless that is a layer that can also stand further in.
type linkLayer struct {
	base
	frame *frame
	kind  LinkType
}

func (l *linkLayer) CanDecode() gopacket.LayerClass { return layerTypeLink }

func (l *linkLayer) DecodeFromBytes(data []byte, _ gopacket.DecodeFeedback) (err error) {
	kind := l.kind
	if kind == LinkPPI {
		if kind, data, err = readPPI(data); err != nil {
			return err
		}
	}
	if !kind.Readable() || kind == LinkPPI {
		l.frame.foreign = kind
		return errOtherLink
	}
	l.payload, l.next, err = kind.strip(data)
	return l.cut(l.frame, err)
}

func (l LinkType) strip(data []byte) ([]byte, gopacket.LayerType, error) {
	switch l {
	case LinkEthernet:
		return data, layerTypeEthernet, nil
	case LinkIPv4:
		return data, layerTypeIPv4, nil
	case LinkIPv6:
		return data, layerTypeIPv6, nil
	case LinkRaw, LinkRawBSD, LinkRawOBSD:
		return data, ipVersion(data), nil
	case LinkPPP:
		return data, layerTypePPP, nil
	case LinkPPPoE:
		return data, layerTypePPPoE, nil
	case LinkPPPHDLC:
		if len(data) > 0 && data[0] == 0xff {
			return data, layerTypePPP, nil
		}
		return readTyped(data, 2, 4)
	case LinkCiscoHDLC:
		return readTyped(data, 2, 4)
	case LinkSLL:
		return readTyped(data, 14, 16)
	case LinkSLL2:
		return readTyped(data, 0, 20)
	case LinkNull, LinkLoop:
		return readFamily(data)
	}
	return nil, 0, errForeign
}

// readPPI takes off a header of per-packet information, which names the link
// type of the rest. It is little-endian throughout.
func readPPI(data []byte) (LinkType, []byte, error) {
	if len(data) < 8 {
		return 0, nil, errShort
	}
	n, link := int(binary.LittleEndian.Uint16(data[2:])), binary.LittleEndian.Uint32(data[4:])
	switch {
	case n < 8 || data[0] != 0 || link > 0xffff:
		return 0, nil, errMalformed
	case len(data) < n:
		return 0, nil, errShort
	}
	return LinkType(link), data[n:], nil
}

// readFamily takes off an address family in either byte order. IPv6 has as
// many numbers as there are systems.
func readFamily(data []byte) ([]byte, gopacket.LayerType, error) {
	if len(data) < 4 {
		return nil, 0, errShort
	}
	family := binary.LittleEndian.Uint32(data)
	if family > 0xffff {
		family = binary.BigEndian.Uint32(data)
	}
	switch family {
	case 2:
		return data[4:], layerTypeIPv4, nil
	case 10, 23, 24, 28, 30: // Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS
		return data[4:], layerTypeIPv6, nil
	}
	return nil, 0, errForeign
}
