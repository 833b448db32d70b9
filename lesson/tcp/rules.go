package tcp

import "lesson/lesson/lang"

const (
	refOpen    = "RFC 9293 §3.10.1"
	refSend    = "RFC 9293 §3.10.2"
	refClose   = "RFC 9293 §3.10.4"
	refAbort   = "RFC 9293 §3.10.5"
	refListen  = "RFC 9293 §3.10.7.2"
	refSynSent = "RFC 9293 §3.10.7.3"
	refArrives = "RFC 9293 §3.10.7.4"
	refReset   = "RFC 9293 §3.5.3"
	refTimeout = "RFC 9293 §3.10.8"
)

// rules is the state machine of RFC 9293 as this program knows it: it decides
// every state that is shown, and docs/states.md is made from it.
var rules = []Rule{
	// Opening.
	{Closed, PassiveOpen, Listen, refOpen, lang.Text{
		EN: "listen() makes a passive open: wait for any client's SYN.",
		ZH: "listen() 是被动打开：等待任意客户端的 SYN。"}},
	{Closed, SndSyn, SynSent, refOpen, lang.Text{
		EN: "connect() makes an active open: send a SYN with an initial sequence number of one's own, and wait for the answer.",
		ZH: "connect() 是主动打开：发出带有自己初始序号的 SYN，等待应答。"}},
	{Listen, SndSyn, SynSent, refSend, lang.Text{
		EN: "A listening end that begins to send changes from passive to active open (the sockets API has no call for it).",
		ZH: "监听端若自己开始发送，就由被动打开变为主动打开（套接字 API 没有对应的调用）。"}},
	{Listen, RcvSyn, SynRecv, refListen, lang.Text{
		EN: "A SYN reached a listener: remember the client's number and answer with SYN and ACK. The connection is not open yet.",
		ZH: "SYN 到达监听端：记下客户端的序号，以 SYN 和 ACK 应答。此时连接尚未建立。"}},
	{Listen, Close, Closed, refClose, lang.Text{
		EN: "The program stopped listening.",
		ZH: "程序停止监听。"}},
	{SynSent, RcvSynAck, Established, refSynSent, lang.Text{
		EN: "Its SYN was acknowledged and the peer's SYN is here: both numbers are agreed, so this end may send data with its ACK.",
		ZH: "自己的 SYN 已被确认，对端的 SYN 也已到达：双方的序号已经商定，本端可以随 ACK 一起发送数据。"}},
	{SynSent, RcvSyn, SynRecv, refSynSent, lang.Text{
		EN: "Two SYNs crossed, a simultaneous open: answer with SYN and ACK and wait for one's own SYN to be acknowledged.",
		ZH: "两个 SYN 在途中交错，即同时打开：以 SYN 和 ACK 应答，等待自己的 SYN 被确认。"}},
	{SynSent, RcvRst, Closed, refSynSent, lang.Text{
		EN: "A RST that acknowledges the SYN: nobody listens there. connect() fails with \"connection refused\".",
		ZH: "RST 确认了这个 SYN：对方端口无人监听，connect() 以“连接被拒绝”告终。"}},
	{SynSent, Close, Closed, refClose, lang.Text{
		EN: "The program closed before any answer came; nothing has to be told to the peer.",
		ZH: "尚未收到应答程序就关闭了；没有什么需要告知对端。"}},
	{SynSent, TimeoutUser, Closed, refTimeout, lang.Text{
		EN: "No answer to any SYN: connect() fails with \"timed out\".",
		ZH: "所有 SYN 都没有应答：connect() 以“超时”告终。"}},
	{SynRecv, RcvAckOfSyn, Established, refArrives, lang.Text{
		EN: "The ACK of its SYN has come: only now does this end know that the peer got its number. The connection is open.",
		ZH: "对自己 SYN 的 ACK 到达：直到此刻本端才知道对端收到了自己的序号。连接建立。"}},
	{SynRecv, SndFin, FinWait1, refClose, lang.Text{
		EN: "The program closed before the handshake was complete: the FIN follows the SYN.",
		ZH: "握手完成之前程序就关闭了：FIN 紧随 SYN 之后。"}},
	{SynRecv, RcvRstAtPassive, Listen, refArrives, lang.Text{
		EN: "The attempt was withdrawn; the server goes back to listening and its program never hears of it.",
		ZH: "对端撤回了连接请求；服务器回到监听，程序对此毫不知情。"}},
	{SynRecv, RcvRst, Closed, refArrives, lang.Text{
		EN: "The peer refuses an attempt that this end had begun itself.",
		ZH: "对端拒绝了由本端发起的连接。"}},
	{SynRecv, SndRst, Closed, refAbort, lang.Text{
		EN: "It gives the half-made connection up and says so.",
		ZH: "放弃这个尚未建立的连接，并告知对端。"}},
	{SynRecv, TimeoutUser, Closed, refTimeout, lang.Text{
		EN: "Its SYN,ACK was never acknowledged; after several repeats it is forgotten.",
		ZH: "SYN,ACK 始终没有得到确认，多次重传后被放弃。"}},

	// Closing by the end that closes first.
	{Established, SndFin, FinWait1, refClose, lang.Text{
		EN: "close() first: FIN says \"I have nothing more to send\". The other direction stays open.",
		ZH: "先调用 close()：FIN 表示“我不再发送数据”。另一个方向仍然畅通。"}},
	{FinWait1, RcvAckOfFin, FinWait2, refArrives, lang.Text{
		EN: "The FIN is acknowledged: this direction is closed. Now it waits for the peer's FIN, for as long as the peer's program takes.",
		ZH: "FIN 已被确认：这个方向已经关闭。接下来等待对端的 FIN，等多久取决于对端的程序。"}},
	{FinWait1, RcvFin, Closing, refArrives, lang.Text{
		EN: "The peer's FIN came before the ACK of one's own: both ends closed at the same time.",
		ZH: "自己的 FIN 还未被确认，对端的 FIN 就到了：双方同时关闭。"}},
	{FinWait2, RcvFin, TimeWait, refArrives, lang.Text{
		EN: "Both directions are closed. It waits twice the maximum segment lifetime: its last ACK may be lost and have to be sent again, and old segments must die out.",
		ZH: "两个方向都已关闭。等待两倍的最大报文段生存时间：最后的 ACK 可能丢失而需要重发，旧的报文段也必须在网络中消失。"}},
	{Closing, RcvAckOfFin, TimeWait, refArrives, lang.Text{
		EN: "Now one's own FIN is acknowledged too. Both ends of a simultaneous close go through TIME_WAIT.",
		ZH: "自己的 FIN 也得到了确认。同时关闭时，双方都要经过 TIME_WAIT。"}},
	{TimeWait, Timeout2MSL, Closed, refTimeout, lang.Text{
		EN: "2MSL are over (Linux: 60 seconds): the addresses and ports are free again.",
		ZH: "2MSL 结束（Linux 为 60 秒）：这对地址和端口可以重新使用。"}},
	{TimeWait, RcvSyn, SynRecv, refArrives, lang.Text{
		EN: "A SYN with a newer number may open a new connection out of TIME_WAIT.",
		ZH: "序号更新的 SYN 可以直接从 TIME_WAIT 打开新连接。"}},

	// Closing by the end that closes second.
	{Established, RcvFin, CloseWait, refArrives, lang.Text{
		EN: "The peer has finished sending. Only this end's own program can go on from here, by calling close().",
		ZH: "对端不再发送。此后只有本端程序调用 close() 才能继续前进。"}},
	{SynRecv, RcvFin, CloseWait, refArrives, lang.Text{
		EN: "The peer closed at once: its FIN completes the handshake and ends its own direction.",
		ZH: "对端立刻关闭：它的 FIN 既完成了握手，也结束了自己的发送方向。"}},
	{CloseWait, SndFin, LastAck, refClose, lang.Text{
		EN: "The program called close() at last: its FIN goes out, and one ACK is missing.",
		ZH: "程序终于调用 close()：发出 FIN，只差最后一个 ACK。"}},
	{LastAck, RcvAckOfFin, Closed, refArrives, lang.Text{
		EN: "The last ACK has come. The end that closed second needs no TIME_WAIT: it knows that everything arrived.",
		ZH: "最后的 ACK 到达。后关闭的一端不需要 TIME_WAIT：它已经知道一切都已送达。"}},

	// Resets.
	{Established, SndRst, Closed, refAbort, lang.Text{
		EN: "It aborts: data still unread or unsent is thrown away, and no FIN and no TIME_WAIT follow.",
		ZH: "中止连接：未读或未发的数据被丢弃，没有 FIN，也没有 TIME_WAIT。"}},
	{FinWait1, SndRst, Closed, refAbort, lang.Text{
		EN: "Data came that no program can read any more: RST instead of an orderly end.",
		ZH: "收到了再也没有程序会读取的数据：以 RST 代替有序关闭。"}},
	{FinWait2, SndRst, Closed, refAbort, lang.Text{
		EN: "Data came that no program can read any more: RST instead of an orderly end.",
		ZH: "收到了再也没有程序会读取的数据：以 RST 代替有序关闭。"}},
	{CloseWait, SndRst, Closed, refAbort, lang.Text{
		EN: "It aborts after the peer had closed: RST instead of FIN.",
		ZH: "对端关闭后本端中止连接：发送 RST 而不是 FIN。"}},
	{Closing, SndRst, Closed, refAbort, lang.Text{
		EN: "It aborts in the middle of a simultaneous close.",
		ZH: "在同时关闭的过程中中止连接。"}},
	{LastAck, SndRst, Closed, refAbort, lang.Text{
		EN: "It aborts while its FIN is still unacknowledged.",
		ZH: "在自己的 FIN 尚未被确认时中止连接。"}},
	{TimeWait, SndRst, Closed, refReset, lang.Text{
		EN: "What came does not belong to the old connection, and a RST ends the waiting.",
		ZH: "收到的报文段不属于旧连接，以 RST 结束等待。"}},
	{Established, RcvRst, Closed, refArrives, lang.Text{
		EN: "A RST at exactly the next expected number: the peer aborted. Reading fails with \"connection reset by peer\".",
		ZH: "RST 的序号恰好是期望的下一个序号：对端中止了连接，读取会得到“连接被对端重置”。"}},
	{FinWait1, RcvRst, Closed, refArrives, lang.Text{
		EN: "The peer aborted: no program over there was left to read, or it gave up.",
		ZH: "对端中止：那边已没有程序读取，或已放弃。"}},
	{FinWait2, RcvRst, Closed, refArrives, lang.Text{
		EN: "The peer aborted instead of sending its FIN.",
		ZH: "对端没有发送 FIN，而是中止了连接。"}},
	{CloseWait, RcvRst, Closed, refArrives, lang.Text{
		EN: "The peer is gone altogether: it had only promised to send no more, now it does not receive either.",
		ZH: "对端已完全离开：此前只是不再发送，现在连接收也不再进行。"}},
	{Closing, RcvRst, Closed, refArrives, lang.Text{
		EN: "The peer has no memory of the connection any more.",
		ZH: "对端已经不记得这个连接。"}},
	{LastAck, RcvRst, Closed, refArrives, lang.Text{
		EN: "The peer has no memory of the connection any more: there is nothing left to wait for.",
		ZH: "对端已经不记得这个连接：没有什么可等的了。"}},
	{TimeWait, RcvRst, Closed, refArrives, lang.Text{
		EN: "A RST cuts the waiting short (RFC 1337 explains why that is a risk).",
		ZH: "RST 提前结束了等待（RFC 1337 说明了其中的风险）。"}},

	// Giving up.
	{Established, TimeoutUser, Closed, refTimeout, lang.Text{
		EN: "Nothing was acknowledged for too long, and the kernel gives up.",
		ZH: "太久没有得到确认，内核放弃了连接。"}},
	{FinWait1, TimeoutUser, Closed, refTimeout, lang.Text{
		EN: "The FIN was never acknowledged.",
		ZH: "FIN 始终没有得到确认。"}},
	{FinWait2, TimeoutUser, Closed, refTimeout, lang.Text{
		EN: "The peer's FIN never came; for a socket no program holds any more, Linux stops waiting after 60 seconds (tcp_fin_timeout). The RFC knows no such timer.",
		ZH: "对端的 FIN 一直没有来；如果已没有程序持有该套接字，Linux 在 60 秒后（tcp_fin_timeout）不再等待。RFC 中没有这个定时器。"}},
	{CloseWait, TimeoutUser, Closed, refTimeout, lang.Text{
		EN: "What it still sent was never acknowledged.",
		ZH: "仍在发送的数据始终没有得到确认。"}},
	{Closing, TimeoutUser, Closed, refTimeout, lang.Text{
		EN: "The FIN was never acknowledged.",
		ZH: "FIN 始终没有得到确认。"}},
	{LastAck, TimeoutUser, Closed, refTimeout, lang.Text{
		EN: "The last ACK never came, and the FIN was repeated often enough.",
		ZH: "最后的 ACK 一直没有来，FIN 已重传了足够多次。"}},
}

// stays lists, state by state, what can happen there without leaving it. What
// is neither here nor in rules cannot happen: seeing it means that the capture
// has missed something.
var stays = map[State][]Event{
	// Nothing is known, so nothing is impossible, and nothing follows.
	Unknown: Events(),
	// A closed end answers everything with RST (RFC 9293 §3.10.7.1).
	Closed: {Close, SndRst, RcvSyn, RcvSynAck, RcvAckOfSyn, RcvAck, RcvAckOfFin, RcvFin, RcvRst, RcvRstAtPassive, Timeout2MSL, TimeoutUser},
	// A listener ignores RST and answers a stray ACK with RST (§3.10.7.2).
	Listen: {PassiveOpen, SndRst, RcvSynAck, RcvAckOfSyn, RcvAck, RcvAckOfFin, RcvFin, RcvRst, RcvRstAtPassive},
	// SYN again is a retransmission; an ACK of something else draws RST (§3.10.7.3).
	SynSent:     {SndSyn, SndRst, RcvAckOfSyn, RcvAck, RcvFin},
	SynRecv:     {SndSynAck, SndAck, RcvSyn, RcvSynAck, RcvAck},
	Established: {SndAck, RcvSyn, RcvSynAck, RcvAckOfSyn, RcvAck},
	FinWait1:    {SndAck, SndFin, SndSynAck, RcvSyn, RcvSynAck, RcvAckOfSyn, RcvAck},
	FinWait2:    {SndAck, RcvSyn, RcvSynAck, RcvAck, RcvAckOfSyn, RcvAckOfFin},
	CloseWait:   {SndAck, RcvSyn, RcvSynAck, RcvAckOfSyn, RcvAck, RcvFin},
	Closing:     {SndAck, SndFin, RcvSyn, RcvSynAck, RcvAckOfSyn, RcvAck, RcvFin},
	LastAck:     {SndAck, SndFin, RcvSyn, RcvSynAck, RcvAckOfSyn, RcvAck, RcvFin},
	// A repeated FIN is acknowledged again and restarts the timer (§3.10.7.4).
	TimeWait: {SndAck, RcvSynAck, RcvAckOfSyn, RcvAck, RcvAckOfFin, RcvFin},
}
