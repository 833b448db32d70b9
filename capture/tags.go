package capture

import (
	"encoding/binary"

	"lesson/lesson/tcp"
)

// What stands between an Ethernet header and IP: tags, labels and their like.

// readVLAN takes off a tag of IEEE 802.1Q or 802.1ad.
func (f *frame) readVLAN(data []byte) ([]byte, layerType, error) {
	if len(data) >= 2 {
		f.vlan = tcp.WithVLAN(f.vlan, binary.BigEndian.Uint16(data)&0xfff)
	}
	return readTyped(data, 2, 4)
}

// readITag takes off the service tag of a provider backbone bridge (IEEE
// 802.1ah), which has a whole frame behind it.
func (f *frame) readITag(data []byte) ([]byte, layerType, error) {
	if len(data) < 4 {
		return nil, 0, errShort
	}
	f.vlan = tcp.WithNetwork(f.vlan, binary.BigEndian.Uint32(data)&0xffffff)
	return data[4:], layerTypeEthernet, nil
}

// readETag takes off the tag of a port extender (IEEE 802.1BR).
func readETag(data []byte) ([]byte, layerType, error) { return readTyped(data, 6, 8) }

// readVNTag takes off the tag that came before 802.1BR, or one of HSR
// (IEC 62439-3), which is as long.
func readVNTag(data []byte) ([]byte, layerType, error) { return readTyped(data, 4, 6) }

// readMACsec takes off the tag of IEEE 802.1AE §9.3 where it protects a frame
// without encrypting or changing it. The check value is behind the IP packet.
func readMACsec(data []byte) ([]byte, layerType, error) {
	const version, channel, encrypted, changed = 0x80, 0x20, 0x08, 0x04
	if len(data) < 6 {
		return nil, 0, errShort
	}
	switch {
	case data[0]&version != 0:
		return nil, 0, errForeign
	case data[0]&(encrypted|changed) != 0:
		return nil, 0, wrapMACsec
	case data[0]&channel != 0:
		return readTyped(data, 14, 16)
	}
	return readTyped(data, 6, 8)
}

// readNSH takes off a network service header (RFC 8300 §2.2).
func readNSH(data []byte) ([]byte, layerType, error) {
	const oam = 0x20
	if len(data) < 4 {
		return nil, 0, errShort
	}
	n := int(data[1]&0x3f) * 4
	switch {
	case data[0]>>6 != 0 || n < 8 || data[0]&oam != 0:
		return nil, 0, errForeign
	case len(data) < n:
		return nil, 0, errShort
	}
	next := nextProtocol(data[3])
	if next == 0 {
		return nil, 0, wrapNSH
	}
	return data[n:], next, nil
}

// nextProtocol is what follows a header of NSH or VXLAN-GPE; 0 where it is not
// known.
func nextProtocol(n byte) layerType {
	switch n {
	case 1:
		return layerTypeIPv4
	case 2:
		return layerTypeIPv6
	case 3:
		return layerTypeEthernet
	case 4:
		return layerTypeNSH
	case 5:
		return layerTypeMPLS
	}
	return 0
}

// readMPLS takes off one label (RFC 3032). What follows the last is told by its
// first bits (RFC 4928); what cannot be IP is a pseudowire.
func readMPLS(data []byte) ([]byte, layerType, error) {
	if len(data) < 4 {
		return nil, 0, errShort
	}
	if bottom := data[2]&1 != 0; !bottom {
		return data[4:], layerTypeMPLS, nil
	}
	if data = data[4:]; len(data) == 0 {
		return nil, 0, errShort
	}
	const associated = 1 // a channel for control (RFC 5586)
	if next := ipVersion(data); next != 0 || data[0]>>4 == associated {
		return data, next, nil
	}
	return nil, 0, wrapMPLS
}
