package capture

import (
	"encoding/binary"

	"lesson/lesson/tcp"
)

// The encapsulations that IP carries: GRE and its relatives, and those in UDP.

// readGRE takes off a GRE header with the fields of RFC 1701 and the
// acknowledgment that PPTP has (RFC 2637 §4.1).
func readGRE(data []byte) ([]byte, layerType, error) {
	const checksum, routing, key, sequence, acknowledgment = 0x8000, 0x4000, 0x2000, 0x1000, 0x0080
	if len(data) < 4 {
		return nil, 0, errShort
	}
	flags, n := binary.BigEndian.Uint16(data), 4
	for _, field := range []uint16{checksum | routing, key, sequence} {
		if flags&field != 0 {
			n += 4
		}
	}
	for more := flags&routing != 0; more; {
		if len(data) < n+4 {
			return nil, 0, errShort
		}
		entry := data[n:]
		more = entry[0] != 0 || entry[1] != 0 || entry[3] != 0 // the last has no family and no length
		n += 4 + int(entry[3])
	}
	if flags&acknowledgment != 0 {
		n += 4
	}
	if len(data) < n {
		return nil, 0, errShort
	}
	return greProtocol(binary.BigEndian.Uint16(data[2:]), flags&sequence != 0, data[n:])
}

// greProtocol says what follows a GRE header: an EtherType, or what only GRE
// carries. Of the latter some may hold TCP, and others never do.
func greProtocol(kind uint16, numbered bool, data []byte) ([]byte, layerType, error) {
	const erspan, erspan3, wccp, nhrp, osi, keepAlive = 0x88be, 0x22eb, 0x883e, 0x2001, 0x00fe, 0
	switch kind {
	case erspan:
		if !numbered { // the first version has no header of its own
			return data, layerTypeEthernet, nil
		}
		return data, layerTypeERSPAN, nil
	case erspan3:
		return data, layerTypeERSPAN, nil
	case wccp: // its second version has a redirect header
		if len(data) >= 4 && ipVersion(data) != layerTypeIPv4 {
			data = data[4:]
		}
		return data, layerTypeIPv4, nil
	case nhrp, osi, keepAlive:
		return nil, 0, errForeign
	}
	if neverIP(kind) {
		return nil, 0, errForeign
	}
	if next := etherType(kind); next != 0 && next != layerTypeLLC {
		return data, next, nil
	}
	return nil, 0, wrapGRE
}

// readERSPAN takes off a header of the second or third version
// (draft-foschiano-erspan §4.2, §4.3).
func readERSPAN(data []byte) ([]byte, layerType, error) {
	if len(data) < 8 {
		return nil, 0, errShort
	}
	switch data[0] >> 4 {
	case 1:
		return data[8:], layerTypeEthernet, nil
	case 2:
		if len(data) < 12 {
			return nil, 0, errShort
		}
		n, frameType := 12, data[10]>>2&0x1f
		if platform := data[11]&1 != 0; platform {
			n += 8
		}
		if len(data) < n {
			return nil, 0, errShort
		}
		switch frameType {
		case 0:
			return data[n:], layerTypeEthernet, nil
		case 2:
			return data[n:], ipVersion(data[n:]), nil
		}
	}
	return nil, 0, wrapERSPAN
}

// readEtherIP takes off the header of RFC 3378 §3.
func readEtherIP(data []byte) ([]byte, layerType, error) {
	if len(data) < 2 {
		return nil, 0, errShort
	}
	if data[0] != 0x30 || data[1] != 0 {
		return nil, 0, errForeign
	}
	return data[2:], layerTypeEthernet, nil
}

// readUDP takes off a UDP header before a tunnel, which is known by its port.
// Whether it is one its own header has to show.
func readUDP(data []byte) ([]byte, layerType, error) {
	if len(data) < 8 {
		return nil, 0, errShort
	}
	next := udpPort(binary.BigEndian.Uint16(data[2:]))
	if next == 0 {
		next = udpAnswer(binary.BigEndian.Uint16(data))
	}
	if next == 0 {
		return nil, 0, errForeign
	}
	n := int(binary.BigEndian.Uint16(data[4:]))
	if n == 0 { // a jumbogram (RFC 2675 §4)
		n = len(data)
	}
	if n < 8 {
		return nil, 0, errMalformed
	}
	return data[8:min(n, len(data))], next, nil
}

// udpPort says which tunnel has a port; 0 for none.
func udpPort(port uint16) layerType {
	switch port {
	case 4789, 8472: // and the one that Linux used before there was one
		return layerTypeVXLAN
	case 4790:
		return layerTypeVXLANGPE
	case 6081:
		return layerTypeGeneve
	case 2152:
		return layerTypeGTP
	case 4341:
		return layerTypeLISP
	case 4754: // RFC 8086
		return layerTypeGRE
	case 6635: // RFC 7510
		return layerTypeMPLS
	case 5247:
		return layerTypeCAPWAP
	case 6080:
		return layerTypeGUE
	}
	return udpAnswer(port)
}

// udpAnswer says the same of the tunnels that answer from their port.
func udpAnswer(port uint16) layerType {
	switch port {
	case 3544:
		return layerTypeTeredo
	case 5072:
		return layerTypeAYIYA
	case 1701:
		return layerTypeL2TP
	case 4500:
		return layerTypeESPinUDP
	case 51820:
		return layerTypeWireGuard
	case 1194:
		return layerTypeOpenVPN
	}
	return 0
}

func (f *frame) readVXLAN(data []byte) ([]byte, layerType, error) {
	if len(data) < 8 {
		return nil, 0, errShort
	}
	f.vlan = tcp.WithNetwork(f.vlan, binary.BigEndian.Uint32(data[4:])>>8)
	return data[8:], layerTypeEthernet, nil
}

// readVXLANGPE takes off the header of draft-ietf-nvo3-vxlan-gpe §3: with a next
// protocol, or as VXLAN has it.
func (f *frame) readVXLANGPE(data []byte) ([]byte, layerType, error) {
	const version, instance, protocol, oam = 0x30, 0x08, 0x04, 0x01
	if len(data) < 8 {
		return nil, 0, errShort
	}
	switch flags := data[0]; {
	case flags&(version|oam) != 0 || flags&(instance|protocol) == 0:
		return nil, 0, errForeign
	case flags&protocol == 0:
		return f.readVXLAN(data)
	}
	f.vlan = tcp.WithNetwork(f.vlan, binary.BigEndian.Uint32(data[4:])>>8)
	next := nextProtocol(data[3])
	if next == 0 {
		return nil, 0, wrapVXLANGPE
	}
	return data[8:], next, nil
}

// readGeneve takes off a Geneve header with its options (RFC 8926 §3.4). What
// the options mean, critical ones too, does not change what follows. A control
// packet is a message between the two ends of the tunnel, and no data.
func (f *frame) readGeneve(data []byte) ([]byte, layerType, error) {
	const control = 0x80
	if len(data) < 8 {
		return nil, 0, errShort
	}
	if version := data[0] >> 6; version != 0 || data[1]&control != 0 {
		return nil, 0, errForeign
	}
	n := 8 + 4*int(data[0]&0x3f)
	if len(data) < n {
		return nil, 0, errShort
	}
	f.vlan = tcp.WithNetwork(f.vlan, binary.BigEndian.Uint32(data[4:])>>8)
	kind := binary.BigEndian.Uint16(data[2:])
	next := etherType(kind)
	switch {
	case neverIP(kind):
		return nil, 0, errForeign
	case kind < minEtherType || next == 0:
		return nil, 0, wrapGeneve
	}
	return data[n:], next, nil
}

// readGTP takes off the header of a user packet of GTPv1-U, with its extension
// headers (3GPP TS 29.281 §5). Its other messages are between the two ends.
func readGTP(data []byte) ([]byte, layerType, error) {
	const (
		versionAndType = 0xf0 // version 1, GTP and not GTP'
		optional       = 0x07 // one of three fields: all are there then
		extension      = 0x04
		userPacket     = 255
	)
	if len(data) < 8 {
		return nil, 0, errShort
	}
	if data[0]&versionAndType != 0x30 || data[1] != userPacket {
		return nil, 0, errForeign
	}
	n := 8
	if data[0]&optional != 0 {
		if n = 12; len(data) < n {
			return nil, 0, errShort
		}
		for more := data[0]&extension != 0 && data[11] != 0; more; more = data[n-1] != 0 {
			if len(data) <= n {
				return nil, 0, errShort
			}
			words := int(data[n])
			if words == 0 {
				return nil, 0, errMalformed
			}
			if n += 4 * words; len(data) < n {
				return nil, 0, errShort
			}
		}
	}
	if len(data) == n {
		return nil, 0, errShort
	}
	if next := ipVersion(data[n:]); next != 0 {
		return data[n:], next, nil
	}
	return nil, 0, wrapGTP
}

// readLISP takes off the header of RFC 9300 §5.
func readLISP(data []byte) ([]byte, layerType, error) {
	if len(data) < 9 {
		return nil, 0, errShort
	}
	if next := ipVersion(data[8:]); next != 0 {
		return data[8:], next, nil
	}
	return nil, 0, errForeign
}

// readTeredo takes off what may stand before an IPv6 packet in Teredo: an
// authentication and where it came from (RFC 4380 §5.1.1).
func readTeredo(data []byte) ([]byte, layerType, error) {
	if len(data) < 4 {
		return nil, 0, errShort
	}
	if data[0] == 0 && data[1] == 1 {
		n := 4 + int(data[2]) + int(data[3]) + 9 // a nonce and a confirmation
		if len(data) < n {
			return nil, 0, errShort
		}
		data = data[n:]
	}
	if len(data) < 8 {
		return nil, 0, errShort
	}
	if data[0] == 0 && data[1] == 0 {
		if data = data[8:]; len(data) == 0 {
			return nil, 0, errShort
		}
	}
	if ipVersion(data) != layerTypeIPv6 {
		return nil, 0, errForeign
	}
	return data, layerTypeIPv6, nil
}

// readAYIYA takes off the header of a forwarded packet
// (draft-massar-v6ops-ayiya §3.1).
func readAYIYA(data []byte) ([]byte, layerType, error) {
	const forward = 1
	if len(data) < 8 {
		return nil, 0, errShort
	}
	n := 8 + 1<<(data[0]>>4) + 4*int(data[1]>>4)
	next := ipProtocol(data[3])
	switch {
	case data[2]&0xf != forward || next != layerTypeIPv4 && next != layerTypeIPv6:
		return nil, 0, errForeign
	case len(data) < n:
		return nil, 0, errShort
	}
	return data[n:], next, nil
}

// readL2TP takes off the header of a data message of L2TPv2 (RFC 2661 §3.1).
// Control messages hold no packets.
func readL2TP(data []byte) ([]byte, layerType, error) {
	const control, length, sequence, offset = 0x8000, 0x4000, 0x0800, 0x0200
	if len(data) < 2 {
		return nil, 0, errShort
	}
	flags, n := binary.BigEndian.Uint16(data), 6 // with a tunnel and a session
	switch version := flags & 0xf; {
	case flags&control != 0:
		return nil, 0, errForeign
	case version == 3:
		return nil, 0, wrapL2TPv3
	case version != 2:
		return nil, 0, errForeign
	}
	if flags&length != 0 {
		n += 2
	}
	if flags&sequence != 0 {
		n += 4
	}
	if flags&offset != 0 {
		if len(data) < n+2 {
			return nil, 0, errShort
		}
		n += 2 + int(binary.BigEndian.Uint16(data[n:]))
	}
	if len(data) < n {
		return nil, 0, errShort
	}
	return data[n:], layerTypePPP, nil
}

// readESPinUDP tells ESP from key exchange and keep-alives (RFC 3948 §2).
func readESPinUDP(data []byte) ([]byte, layerType, error) {
	if len(data) < 8 || binary.BigEndian.Uint32(data) == 0 {
		return nil, 0, errForeign
	}
	return nil, 0, wrapESP
}

// readWireGuard knows a message with data by its type and its length, which is
// that of whole blocks.
func readWireGuard(data []byte) ([]byte, layerType, error) {
	if len(data) < 4 || binary.LittleEndian.Uint32(data) != 4 {
		return nil, 0, errForeign
	}
	if keepAlive := len(data) == 32; keepAlive {
		return nil, 0, errForeign
	}
	return nil, 0, wrapWireGuard
}

// readOpenVPN knows a message with data by its first five bits.
func readOpenVPN(data []byte) ([]byte, layerType, error) {
	if len(data) > 20 && (data[0]>>3 == 6 || data[0]>>3 == 9) {
		return nil, 0, wrapOpenVPN
	}
	return nil, 0, errForeign
}

// readCAPWAP knows a data message by its preamble (RFC 5415 §4.2), encrypted or
// not, and one that keeps the channel alive by its flag.
func readCAPWAP(data []byte) ([]byte, layerType, error) {
	if len(data) < 8 || data[0] > 1 {
		return nil, 0, errForeign
	}
	const keepAlive = 0x08
	if data[0] == 0 && data[3]&keepAlive != 0 {
		return nil, 0, errForeign
	}
	return nil, 0, wrapCAPWAP
}

// readGUE knows data by the control bit (draft-ietf-intarea-gue §3.1). The
// other variant is an IP packet and nothing more.
func readGUE(data []byte) ([]byte, layerType, error) {
	if len(data) < 4 {
		return nil, 0, errShort
	}
	switch data[0] >> 5 {
	case 0:
		return nil, 0, wrapGUE
	case 2, 3:
		if next := ipVersion(data); next != 0 {
			return data, next, nil
		}
	}
	return nil, 0, errForeign
}
