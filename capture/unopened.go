package capture

import (
	"fmt"
	"strings"

	"lesson/lesson/lang"
)

// Wrapping is an encapsulation that may well hold TCP and is not opened: it is
// encrypted or compressed, or what it holds is not announced. What is passed
// over so is counted and named, as silence would look like absence.
type Wrapping uint8

// The encapsulations that are not opened, or not always.
const (
	wrapESP       Wrapping = iota // RFC 4303, also in UDP (RFC 3948)
	wrapMACsec                    // IEEE 802.1AE
	wrapWireGuard                 // the data messages
	wrapOpenVPN                   // likewise, over UDP
	wrapPPP                       // encrypted, compressed, or in pieces over several links
	wrapIPComp                    // RFC 3173
	wrapL2TPv3                    // RFC 3931: how long its cookie is only the two ends know
	wrapCAPWAP                    // RFC 5415, which carries IEEE 802.11
	wrapGUE                       // Generic UDP Encapsulation
	wrapMinimal                   // RFC 2004
	wrapMPLS                      // a pseudowire, whose kind only the two ends know (RFC 4385)
	wrapGRE                       // with a protocol that is not known here
	wrapERSPAN                    // of a version that is not known here
	wrapGTP                       // with a payload that is not IP
	wrapGeneve                    // with a protocol that is not known here
	wrapVXLANGPE                  // likewise
	wrapNSH                       // likewise
	wrappings                     // how many there are
)

var wrappingNames = [wrappings]lang.Text{
	wrapESP:       {EN: "ESP (encrypted)", ZH: "ESP（已加密）"},
	wrapMACsec:    {EN: "MACsec (encrypted)", ZH: "MACsec（已加密）"},
	wrapWireGuard: {EN: "WireGuard (encrypted)", ZH: "WireGuard（已加密）"},
	wrapOpenVPN:   {EN: "OpenVPN", ZH: "OpenVPN"},
	wrapPPP:       {EN: "PPP (encrypted, compressed or multilink)", ZH: "PPP（加密、压缩或多链路）"},
	wrapIPComp:    {EN: "IPComp (compressed)", ZH: "IPComp（已压缩）"},
	wrapL2TPv3:    {EN: "L2TPv3", ZH: "L2TPv3"},
	wrapCAPWAP:    {EN: "CAPWAP", ZH: "CAPWAP"},
	wrapGUE:       {EN: "GUE", ZH: "GUE"},
	wrapMinimal:   {EN: "minimal encapsulation", ZH: "IP 最小封装"},
	wrapMPLS:      {EN: "MPLS pseudowires", ZH: "MPLS 伪线"},
	wrapGRE:       {EN: "GRE (of another protocol)", ZH: "GRE（其他协议）"},
	wrapERSPAN:    {EN: "ERSPAN", ZH: "ERSPAN"},
	wrapGTP:       {EN: "GTP", ZH: "GTP"},
	wrapGeneve:    {EN: "Geneve", ZH: "Geneve"},
	wrapVXLANGPE:  {EN: "VXLAN-GPE", ZH: "VXLAN-GPE"},
	wrapNSH:       {EN: "NSH", ZH: "NSH"},
}

// Error makes a Wrapping what ends the decoding of a frame.
func (w Wrapping) Error() string { return "not opened: " + wrappingNames[w].EN }

// sealed reads nothing of an encapsulation, and says which one it is.
func sealed(w Wrapping) func([]byte) ([]byte, layerType, error) {
	return func([]byte) ([]byte, layerType, error) { return nil, 0, w }
}

// Unopened counts packets by the encapsulation that was not opened.
type Unopened [wrappings]int

// text names them all in one sentence; false when there is none.
func (u *Unopened) text() (t lang.Text, some bool) {
	var en, zh []string
	packets := "packets"
	for w, n := range u {
		if n == 0 {
			continue
		}
		if len(en) == 0 {
			if n == 1 {
				packets = "packet"
			}
			en = append(en, fmt.Sprintf("%d %s in %s", n, packets, wrappingNames[w].EN))
		} else {
			en = append(en, fmt.Sprintf("%d in %s", n, wrappingNames[w].EN))
		}
		zh = append(zh, fmt.Sprintf("%s %d 个", wrappingNames[w].ZH, n))
	}
	if len(en) == 0 {
		return lang.Text{}, false
	}
	list, were := en[0], "were"
	if last := len(en) - 1; last > 0 {
		list = strings.Join(en[:last], ", ") + " and " + en[last]
	} else if packets == "packet" {
		were = "was"
	}
	return lang.Text{
		EN: fmt.Sprintf("%s %s not opened: TCP in there is not told.", list, were),
		ZH: fmt.Sprintf("以下封装的数据包没有拆开，其中若有 TCP，不在讲解之列：%s。", strings.Join(zh, "、")),
	}, true
}
