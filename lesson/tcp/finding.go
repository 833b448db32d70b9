package tcp

import (
	"math/bits"

	"lesson/lesson/lang"
)

// Findings is a set of notable things about one segment.
type Findings uint64

// The findings. Each has a stable name (its String) and a sentence (Text).
const (
	Retransmission Findings = 1 << iota
	OutOfOrder
	Gap
	DuplicateAck
	WindowUpdate
	ZeroWindow
	KeepAlive
	BadChecksum
	Unacceptable
	ResetIgnored
	ResetAtFin
	Crossed
	Contradiction
	PortReused
	AckedUnseen
	SynData
	Corrected
	Repeated
	RepeatedAcks
	ResetAhead
	ResetInWindow
	SynResets
	ListenerGone
	DataPastFin
	AcksNothing
	Copy
	WindowProbe
	HopLimitDiffers
	Sack
	DuplicateSack
	Lost
	ResetDepends
	ConnectionBefore
	numFindings = iota
)

var findings = [numFindings]struct {
	name string
	text lang.Text
}{
	{"retransmission", lang.Text{EN: "these sequence numbers were sent before", ZH: "这些序号此前已经发送过"}},
	{"out-of-order", lang.Text{EN: "fills a hole or lies beyond one: segments came in another order than sent, or one was lost on its way and sent again", ZH: "填补了空洞，或位于空洞之后：报文段没有按发送顺序到达，或有报文段在途中丢失后重传"}},
	{"gap", lang.Text{EN: "earlier bytes are lost, late, or were not captured", ZH: "前面有字节丢失、迟到，或没有抓到"}},
	{"duplicate-ack", lang.Text{EN: "acknowledges the same number again; its sender still waits for the same byte", ZH: "再次确认同一个序号，说明它的发送方仍在等待同一个字节"}},
	{"window-update", lang.Text{EN: "only announces a new receive window", ZH: "只是通告新的接收窗口"}},
	{"zero-window", lang.Text{EN: "the receive window is 0; the peer has to stop sending", ZH: "接收窗口为 0，对端必须停止发送"}},
	{"keep-alive", lang.Text{EN: "a probe with an old sequence number, sent only to draw an answer (RFC 9293 §3.8.4)", ZH: "用旧序号发送的探测报文段，只为引出应答（RFC 9293 §3.8.4）"}},
	{"bad-checksum", lang.Text{EN: "the checksum does not match the contents; the receiver discards this segment", ZH: "校验和与内容不符，接收端会丢弃这个报文段"}},
	{"unacceptable", lang.Text{EN: "the receiver does not accept it: its sequence or acknowledgement number does not fit, or it is a SYN in a connection that already exists; it changes no state there (RFC 9293 §3.10.7)", ZH: "接收端不接受它：序号或确认号不合要求，或者它是已有连接中的 SYN；状态不变（RFC 9293 §3.10.7）"}},
	{"reset-ignored", lang.Text{EN: "not a valid RST, so it closes nothing; its number is not exactly the next one expected, or in SYN_SENT it does not acknowledge the SYN (RFC 9293 §3.5.3, RFC 5961 §3)", ZH: "不是有效的 RST，不会关闭连接；它的序号不是期望的下一个序号，或在 SYN_SENT 时没有确认 SYN（RFC 9293 §3.5.3、RFC 5961 §3）"}},
	{"reset-at-fin", lang.Text{EN: "the RST carries the number of the FIN, one less than RFC 9293 asks for; current Linux kernels accept it all the same", ZH: "RST 使用了 FIN 的序号，比 RFC 9293 的要求小 1；如今的 Linux 内核仍会接受"}},
	{"crossed", lang.Text{EN: "sent before the peer's last segment had arrived: the two crossed on the way, or that one was lost", ZH: "发出时还没有收到对端的上一个报文段：两者在途中交错，或者那一个已经丢失"}},
	{"contradiction", lang.Text{EN: "does not fit what was seen so far; something is missing from the capture", ZH: "与此前所见不符，抓包中有缺失"}},
	{"port-reused", lang.Text{EN: "a new connection between the same two addresses and ports", ZH: "同一对地址和端口上的新连接"}},
	{"acked-unseen", lang.Text{EN: "acknowledges bytes that were never seen: the capture has missed a segment, unless this one is made up", ZH: "确认了从未见过的字节：抓包漏掉了报文段，除非这个报文段是伪造的"}},
	{"syn-data", lang.Text{EN: "the SYN carries data (RFC 9293 §3.5, RFC 7413)", ZH: "SYN 携带了数据（RFC 9293 §3.5、RFC 7413）"}},
	{"corrected", lang.Text{EN: "a state shown here or earlier was corrected; only a later segment shows what had happened", ZH: "此处或先前的状态经过更正；后来的报文段才显示出实情"}},
	{"repeated", lang.Text{EN: "all of it had arrived before; the receiver takes nothing from it and acknowledges again", ZH: "其中的内容此前均已到达；接收端不再收取，只是再次确认"}},
	{"repeated-acks", lang.Text{EN: "RFC 9293 drops what had arrived before, its acknowledgement included; Linux still heeds the acknowledgement", ZH: "按 RFC 9293，重复到达的报文段连同其中的确认一并丢弃；Linux 仍采纳其中的确认"}},
	{"reset-ahead", lang.Text{EN: "the RST lies beyond a hole, right after the last byte the receiver has reported with SACK; RFC 9293 would answer with a challenge ACK, and Linux accepts it", ZH: "RST 位于空洞之后，紧接接收端用 SACK 报告的最后一个字节；按 RFC 9293 应以挑战 ACK 应答，但 Linux 会接受"}},
	{"reset-in-window", lang.Text{EN: "the RST lies in the window, but not at its beginning; RFC 9293 would answer with a challenge ACK. After close(), in FIN_WAIT2, Linux keeps only a few numbers of a connection, and accepts any RST in the window", ZH: "RST 落在窗口内，但不在窗口起点；按 RFC 9293 应以挑战 ACK 应答。close() 之后处于 FIN_WAIT2 时，Linux 只保留少量信息，窗口内的 RST 一律接受"}},
	{"syn-resets", lang.Text{EN: "a SYN in the window of a connection; RFC 9293 would answer with a challenge ACK. After close(), Linux gives up FIN_WAIT2 and answers with RST", ZH: "SYN 落在连接的窗口内；按 RFC 9293 应以挑战 ACK 应答。close() 之后处于 FIN_WAIT2 的 Linux 则放弃连接，以 RST 应答"}},
	{"listener-gone", lang.Text{EN: "the listening socket was closed before the handshake was complete; Linux notices when the next segment comes, and answers with RST", ZH: "握手完成之前监听套接字已被关闭；Linux 在下一个报文段到达时才发现，并以 RST 应答"}},
	{"data-past-fin", lang.Text{EN: "its bytes go on beyond the FIN that has come; RFC 9293 ignores them, and Linux answers with RST", ZH: "其中的字节越过了已收到的 FIN；按 RFC 9293 应忽略，Linux 则以 RST 应答"}},
	{"acks-nothing", lang.Text{EN: "acknowledges nothing, not even the SYN; RFC 9293 answers with RST. After a simultaneous open Linux takes the connection for open", ZH: "什么都没有确认，包括 SYN；按 RFC 9293 应以 RST 应答。同时打开时，Linux 却认为连接已经建立"}},
	{"copy", lang.Text{EN: "the same packet once more, not sent again: captured where it came in and where it went out, or doubled on its way", ZH: "同一个数据包再次出现，并非重新发送：在流入和流出处各抓到一次，或在途中被复制"}},
	{"window-probe", lang.Text{EN: "a probe while the peer's window is closed, sent only to learn the window anew: a byte beyond it, or, on Linux, an old sequence number without data (RFC 9293 §3.8.6.1)", ZH: "对端窗口为 0 时的探测报文段，只为得知新的窗口：越过窗口的一个字节，或如 Linux，用旧序号且不带数据（RFC 9293 §3.8.6.1）"}},
	{"hop-limit-differs", lang.Text{EN: "its hop limit is not that of its sender's others: another machine may have sent it (a firewall, a middlebox, a forger), or the route has changed; it proves neither, and some systems give a RST another initial value", ZH: "跳数限制（TTL）与同一发送方的其他报文段不同：可能由另一台机器发出（防火墙、中间设备或伪造者），也可能是路由变了；这不足以证明其中任何一种，有些系统发送 RST 时本来就用另一个初始值"}},
	{"sack", lang.Text{EN: "still waits for a number, and already has some beyond it (SACK, RFC 2018)", ZH: "仍在等待某个序号，但已经收到它之后的一些（SACK，RFC 2018）"}},
	{"duplicate-sack", lang.Text{EN: "reports that something has arrived twice (D-SACK, RFC 2883)", ZH: "报告有内容收到了两次（D-SACK，RFC 2883）"}},
	{"lost", lang.Text{EN: "never arrived, as far as a capture can show: the receiver reported what follows it, had this only after it was sent again, and reported no duplicate", ZH: "就抓包所能看到的而言，它没有到达：接收端报告收到了它之后的内容，却直到重传之后才收到它，也没有报告重复"}},
	{"reset-depends", lang.Text{EN: "whether this RST counts depends on the receiver's kernel: in SYN_RECV, Linux before 6.1.191 and 6.12.105 accepts any RST in the window, but none that acknowledges something else than its SYN,ACK; RFC 9293, and Linux since, look for exactly the next number alone", ZH: "这个 RST 是否有效取决于接收端的内核：在 SYN_RECV 状态，6.1.191、6.12.105 之前的 Linux 接受窗口内的任何 RST，但若它确认的不是本端的 SYN,ACK 则不接受；RFC 9293 和此后的 Linux 只看序号是否恰为期望的下一个"}},
	{"connection-before", lang.Text{EN: "an ACK of the connection before, between the same ends, which its sender has not left: it is in TIME_WAIT, or has not heard that its peer is gone. A peer that has sent the SYN itself answers with RST, and can then connect (RFC 9293 §3.5.1, RFC 5961 §4)", ZH: "这是同一对端点上前一个连接的 ACK，发送方还没有离开那个连接：它处于 TIME_WAIT，或不知道对端已经不在。如果 SYN 确是对端发出的，对端会以 RST 应答，之后就能建立连接（RFC 9293 §3.5.1、RFC 5961 §4）"}},
}

// Has reports whether all of g are in f.
func (f Findings) Has(g Findings) bool { return f&g == g }

// Name is the stable name of the lowest finding in the set.
func (f Findings) Name() string {
	if i := bits.TrailingZeros64(uint64(f)); i < numFindings {
		return findings[i].name
	}
	return ""
}

// Text is the sentence of the lowest finding in the set.
func (f Findings) Text() lang.Text {
	if i := bits.TrailingZeros64(uint64(f)); i < numFindings {
		return findings[i].text
	}
	return lang.Text{}
}

// Names lists the findings by their stable names.
func (f Findings) Names() []string {
	out := make([]string, 0, bits.OnesCount64(uint64(f)))
	for i := range findings {
		if f&(1<<i) != 0 {
			out = append(out, findings[i].name)
		}
	}
	return out
}

// AppendNames appends the names to b, each with a space before it.
func (f Findings) AppendNames(b []byte) []byte {
	for i := range findings {
		if f&(1<<i) != 0 {
			b = append(append(b, ' '), findings[i].name...)
		}
	}
	return b
}

// Texts lists a sentence for each finding.
func (f Findings) Texts() []lang.Text {
	var out []lang.Text
	for i := range findings {
		if f&(1<<i) != 0 {
			out = append(out, findings[i].text)
		}
	}
	return out
}
