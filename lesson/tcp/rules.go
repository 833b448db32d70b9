package tcp

import "lesson/lesson/lang"

const (
	refOpen     = "RFC 9293 §3.10.1"
	refSend     = "RFC 9293 §3.10.2"
	refClose    = "RFC 9293 §3.10.4"
	refAbort    = "RFC 9293 §3.10.5"
	refListen   = "RFC 9293 §3.10.7.2"
	refSynSent  = "RFC 9293 §3.10.7.3"
	refArrives  = "RFC 9293 §3.10.7.4"
	refGenerate = "RFC 9293 §3.5.2"
	refHalf     = "RFC 9293 §3.6.1" // SHLD-3
	refTimeWait = "RFC 9293 §3.6.1" // MAY-2
	refTimeout  = "RFC 9293 §3.10.8"
	refError    = "RFC 9293 §3.9.2.2"
)

// rules is the state machine of RFC 9293 as this program knows it: it decides
// every state that is shown, and docs/states.md is made from it.
var rules = []Rule{
	// Opening.
	{Closed, PassiveOpen, Listen, refOpen, lang.Text{
		EN: "listen() makes a passive open: wait for a SYN from any client.",
		ZH: "listen() 是被动打开：等待任意客户端的 SYN。"}},
	{Closed, SndSyn, SynSent, refOpen, lang.Text{
		EN: "connect() makes an active open: send a SYN with this end's initial sequence number, and wait for the answer.",
		ZH: "connect() 是主动打开：发出带有本端初始序号的 SYN，等待应答。"}},
	{Listen, SndSyn, SynSent, refSend, lang.Text{
		EN: "A listening end that begins to send turns its passive open into an active one (the sockets API has no call for this).",
		ZH: "监听端若自己开始发送，就由被动打开变为主动打开（套接字 API 没有对应的调用）。"}},
	{Listen, RcvSyn, SynRecv, refListen, lang.Text{
		EN: "A SYN has reached the listener: remember the client's initial sequence number and answer with SYN and ACK. The connection is not open yet.",
		ZH: "SYN 到达监听端：记下客户端的初始序号，以 SYN 和 ACK 应答。此时连接尚未建立。"}},
	{Listen, StopListen, Closed, refClose, lang.Text{
		EN: "The program has stopped listening.",
		ZH: "程序停止监听。"}},
	{SynSent, RcvSynAck, Established, refSynSent, lang.Text{
		EN: "This end's SYN is acknowledged and the peer's SYN is here: this end knows both initial sequence numbers, and its ACK may already carry data.",
		ZH: "本端的 SYN 已被确认，对端的 SYN 也已到达：本端已知道双方的初始序号，随后的 ACK 就可以携带数据。"}},
	{SynSent, RcvSyn, SynRecv, refSynSent, lang.Text{
		EN: "Two SYNs have crossed, a simultaneous open: answer with SYN and ACK, and wait until this end's own SYN is acknowledged.",
		ZH: "两个 SYN 在途中交错，即同时打开：以 SYN 和 ACK 应答，等待本端的 SYN 被确认。"}},
	{SynSent, RcvRst, Closed, refSynSent, lang.Text{
		EN: "A RST that acknowledges the SYN refuses the connection, most often because nobody listens on that port. connect() fails with ECONNREFUSED, \"connection refused\".",
		ZH: "这个 RST 确认了 SYN，表示拒绝连接，多半是因为该端口无人监听。connect() 失败，错误为 ECONNREFUSED（连接被拒绝）。"}},
	{SynSent, Close, Closed, refClose, lang.Text{
		EN: "The program closed before any answer came. Nothing is sent to the peer.",
		ZH: "应答到来之前程序就关闭了，不必向对端发送任何报文段。"}},
	{SynSent, Shutdown, Closed, refClose, lang.Text{
		EN: "Before any answer has come, shutdown() ends the attempt as close() does. Nothing is sent to the peer.",
		ZH: "应答到来之前，shutdown() 与 close() 一样结束连接尝试，不向对端发送任何报文段。"}},
	{SynSent, StopReading, Closed, refClose, lang.Text{
		EN: "Before any answer has come, shutdown() ends the attempt as close() does. Nothing is sent to the peer.",
		ZH: "应答到来之前，shutdown() 与 close() 一样结束连接尝试，不向对端发送任何报文段。"}},
	{SynSent, Abort, Closed, refAbort, lang.Text{
		EN: "The attempt is given up. Nothing is sent: the peer may not even have heard of it.",
		ZH: "放弃连接尝试，不发送任何报文段：对端也许根本还不知道它。"}},
	{SynSent, TimeoutUser, Closed, refTimeout, lang.Text{
		EN: "No SYN was ever answered: connect() fails with ETIMEDOUT, \"connection timed out\".",
		ZH: "所有 SYN 都没有应答：connect() 失败，错误为 ETIMEDOUT（连接超时）。"}},
	{SynRecv, RcvAckOfSyn, Established, refArrives, lang.Text{
		EN: "The ACK of its SYN has come: only now does this end know that the peer has its initial sequence number. The connection is open.",
		ZH: "对本端 SYN 的 ACK 到达：直到此刻，本端才知道对端收到了自己的初始序号。连接建立。"}},
	{SynRecv, SndFin, FinWait1, refClose, lang.Text{
		EN: "The program closed before the handshake was complete: the FIN follows the SYN.",
		ZH: "握手完成之前程序就关闭了：FIN 紧随 SYN 之后。"}},
	{SynRecv, RcvRstAtPassive, Listen, refArrives, lang.Text{
		EN: "The peer rejects this connection, perhaps because the SYN was an old one. The server goes back to listening, and its program never hears of it.",
		ZH: "对端不要这个连接，也许那个 SYN 只是旧的重复报文段。服务器回到监听状态，它的程序对此毫不知情。"}},
	{SynRecv, RcvNewSyn, Listen, refArrives, lang.Text{
		EN: "The client has begun anew with another initial sequence number: this attempt is forgotten. Linux answers with RST, so the new attempt fails too; RFC 9293 asks for no answer, and the client would send its SYN again.",
		ZH: "客户端用另一个初始序号重新开始：这次尝试作废。Linux 以 RST 应答，因此新的尝试也会失败；RFC 9293 并不要求应答，客户端会重发 SYN。"}},
	{SynRecv, RcvRst, Closed, refArrives, lang.Text{
		EN: "The peer refuses a connection that this end had asked for itself.",
		ZH: "对端拒绝了由本端发起的连接。"}},
	{SynRecv, SndRst, Closed, refAbort, lang.Text{
		EN: "This end gives up the unfinished connection and says so with a RST.",
		ZH: "放弃这个尚未建立的连接，并以 RST 告知对端。"}},
	{SynRecv, TimeoutUser, Closed, refTimeout, lang.Text{
		EN: "The SYN,ACK was sent several times and never acknowledged: the connection is forgotten.",
		ZH: "SYN,ACK 多次重传，始终没有得到确认：放弃这个连接。"}},

	// Closing by the end that closes first.
	{Established, SndFin, FinWait1, refClose, lang.Text{
		EN: "This end closes and has not seen a FIN from the peer. FIN says \"I have nothing more to send\"; the other direction stays open.",
		ZH: "本端关闭，此前没有收到对端的 FIN。FIN 表示“我不再发送数据”；另一个方向仍然打开。"}},
	{FinWait1, RcvAckOfFin, FinWait2, refArrives, lang.Text{
		EN: "The FIN is acknowledged: this direction is closed. Now this end waits for the peer's FIN, and when to send that is for the peer's program to decide.",
		ZH: "FIN 已被确认：这个方向已经关闭。接下来等待对端的 FIN，何时发出由对端的程序决定。"}},
	{FinWait1, RcvFin, Closing, refArrives, lang.Text{
		EN: "The peer's FIN came before the ACK of this end's FIN: the two FINs crossed, a simultaneous close.",
		ZH: "本端的 FIN 还未被确认，对端的 FIN 就到了：两个 FIN 在途中交错，即同时关闭。"}},
	{FinWait2, RcvFin, TimeWait, refArrives, lang.Text{
		EN: "Both directions are closed. This end waits twice the maximum segment lifetime: its last ACK may get lost and have to be sent again, and old segments must die out.",
		ZH: "两个方向都已关闭。本端等待两倍的最大报文段生存时间：最后的 ACK 可能丢失而需要重发，旧的报文段也必须在网络中消失。"}},
	{Closing, RcvAckOfFin, TimeWait, refArrives, lang.Text{
		EN: "Now this end's FIN is acknowledged too. After a simultaneous close, both ends go through TIME_WAIT.",
		ZH: "本端的 FIN 也得到了确认。同时关闭时，双方都要经过 TIME_WAIT。"}},
	{TimeWait, Timeout2MSL, Closed, refTimeout, lang.Text{
		EN: "2MSL are over (Linux: 60 seconds): the same addresses and ports can be used again.",
		ZH: "2MSL 结束（Linux 为 60 秒）：同一对地址和端口可以重新使用。"}},
	{TimeWait, RcvSyn, SynRecv, refTimeWait, lang.Text{
		EN: "A SYN with a newer sequence number or timestamp may open a new connection straight from TIME_WAIT.",
		ZH: "序号或时间戳更新的 SYN，可以直接从 TIME_WAIT 打开新连接。"}},

	// Closing by the end that closes second.
	{Established, RcvFin, CloseWait, refArrives, lang.Text{
		EN: "The peer has finished sending. The next step is up to this end's program: it may still send, and then has to call close().",
		ZH: "对端不再发送。下一步取决于本端程序：它还可以继续发送，最后必须调用 close()。"}},
	{SynRecv, RcvFin, CloseWait, refArrives, lang.Text{
		EN: "The peer closed at once: the segment with its FIN also acknowledges this end's SYN.",
		ZH: "对端立刻关闭：携带 FIN 的报文段同时确认了本端的 SYN。"}},
	{CloseWait, SndFin, LastAck, refClose, lang.Text{
		EN: "The program has called close() or shutdown() at last: the FIN goes out, and only its ACK is still missing.",
		ZH: "程序终于调用了 close() 或 shutdown()：FIN 发出，只差对它的 ACK。"}},
	{LastAck, RcvAckOfFin, Closed, refArrives, lang.Text{
		EN: "The last ACK has come. The end that closes second needs no TIME_WAIT: it knows that everything it sent has arrived.",
		ZH: "最后的 ACK 到达。后关闭的一端不需要 TIME_WAIT：它已经知道自己发送的一切都已送达。"}},

	// Resets.
	{Established, SndRst, Closed, refAbort, lang.Text{
		EN: "This end aborts: data not yet read or sent is thrown away, and there is no FIN and no TIME_WAIT.",
		ZH: "本端中止连接：未读或未发的数据被丢弃，没有 FIN，也没有 TIME_WAIT。"}},
	{FinWait1, SndRst, Closed, refHalf, lang.Text{
		EN: "This end aborts. It also does so when data arrives after close(), because no program can read it any more.",
		ZH: "本端中止连接。close() 之后还有数据到达时也会这样做：已没有程序能够读取这些数据。"}},
	{FinWait2, SndRst, Closed, refHalf, lang.Text{
		EN: "This end aborts. It also does so when data arrives after close(), because no program can read it any more.",
		ZH: "本端中止连接。close() 之后还有数据到达时也会这样做：已没有程序能够读取这些数据。"}},
	{CloseWait, SndRst, Closed, refAbort, lang.Text{
		EN: "This end aborts after the peer has closed: RST instead of FIN.",
		ZH: "对端关闭之后，本端中止连接：发送 RST 而不是 FIN。"}},
	{Closing, SndRst, Closed, refAbort, lang.Text{
		EN: "This end gives up with a RST before its FIN is acknowledged. The RFC lets it give up without one.",
		ZH: "本端的 FIN 尚未被确认，就以 RST 放弃连接。按 RFC，此时放弃无须发送 RST。"}},
	{LastAck, SndRst, Closed, refAbort, lang.Text{
		EN: "This end gives up with a RST before its FIN is acknowledged. The RFC lets it give up without one.",
		ZH: "本端的 FIN 尚未被确认，就以 RST 放弃连接。按 RFC，此时放弃无须发送 RST。"}},
	{Closing, Abort, Closed, refAbort, lang.Text{
		EN: "The program aborts when both ends have sent FIN: the connection is forgotten, and nothing is sent.",
		ZH: "双方都已发送 FIN 之后程序才中止：直接放弃连接，不发送任何报文段。"}},
	{LastAck, Abort, Closed, refAbort, lang.Text{
		EN: "The program aborts when both ends have sent FIN: the connection is forgotten, and nothing is sent.",
		ZH: "双方都已发送 FIN 之后程序才中止：直接放弃连接，不发送任何报文段。"}},
	{TimeWait, SndRst, Closed, refGenerate, lang.Text{
		EN: "This end answers with RST instead of ACK: it no longer knows the connection.",
		ZH: "以 RST 而不是 ACK 应答：本端已经不再记得这个连接。"}},
	{Established, RcvRst, Closed, refArrives, lang.Text{
		EN: "A valid RST: the peer has aborted, or no longer knows the connection. recv() fails with ECONNRESET, \"connection reset by peer\".",
		ZH: "有效的 RST：对端中止了连接，或已不再记得它。recv() 失败，错误为 ECONNRESET（连接被对端重置）。"}},
	{FinWait1, RcvRst, Closed, refArrives, lang.Text{
		EN: "The peer aborts, or no longer knows the connection: no FIN will come from it.",
		ZH: "对端中止了连接，或已不再记得它：不会再有对端的 FIN。"}},
	{FinWait2, RcvRst, Closed, refArrives, lang.Text{
		EN: "The peer aborts instead of sending its FIN.",
		ZH: "对端没有发送 FIN，而是中止了连接。"}},
	{CloseWait, RcvRst, Closed, refArrives, lang.Text{
		EN: "Until now the peer had only stopped sending; now it does not receive either.",
		ZH: "此前对端只是不再发送，现在也不再接收。"}},
	{Closing, RcvRst, Closed, refArrives, lang.Text{
		EN: "The peer has given up, or no longer knows the connection.",
		ZH: "对端已经放弃，或已不再记得这个连接。"}},
	{LastAck, RcvRst, Closed, refArrives, lang.Text{
		EN: "The peer has given up, or no longer knows the connection: there is nothing left to wait for.",
		ZH: "对端已经放弃，或已不再记得这个连接：没有什么可等的了。"}},
	{TimeWait, RcvRst, Closed, refArrives, lang.Text{
		EN: "A RST cuts the waiting short; RFC 1337 explains why that is a risk.",
		ZH: "RST 使等待提前结束；RFC 1337 说明了其中的风险。"}},

	// Giving up.
	{Established, TimeoutUser, Closed, refTimeout, lang.Text{
		EN: "Nothing was acknowledged for too long, and the kernel gives up.",
		ZH: "太久没有得到确认，内核放弃了连接。"}},
	{FinWait1, TimeoutUser, Closed, refTimeout, lang.Text{
		EN: "The FIN was never acknowledged.",
		ZH: "FIN 始终没有得到确认。"}},
	{FinWait2, TimeoutUser, Closed, refTimeout, lang.Text{
		EN: "The peer's FIN never came. Once no program holds the socket any more, Linux waits only for tcp_fin_timeout, 60 seconds by default; the RFC has no such timer.",
		ZH: "对端的 FIN 一直没有来。一旦没有程序再持有该套接字，Linux 只等待 tcp_fin_timeout（默认 60 秒）；RFC 中没有这个定时器。"}},
	{CloseWait, TimeoutUser, Closed, refTimeout, lang.Text{
		EN: "What this end still sent was never acknowledged.",
		ZH: "本端仍在发送的数据始终没有得到确认。"}},
	{Closing, TimeoutUser, Closed, refTimeout, lang.Text{
		EN: "The FIN was never acknowledged.",
		ZH: "FIN 始终没有得到确认。"}},
	{LastAck, TimeoutUser, Closed, refTimeout, lang.Text{
		EN: "The FIN was sent several times, and its ACK never came.",
		ZH: "FIN 多次重传，对它的 ACK 始终没有来。"}},

	// ICMP errors.
	{SynSent, RcvErr, Closed, refError, lang.Text{
		EN: "The SYN did not come through. Linux ends the attempt at once, whatever the reason, and connect() fails. Some systems send their SYN again instead, where the error is a soft one.",
		ZH: "SYN 没有送达。无论原因是什么，Linux 都立刻放弃，connect() 失败；有的系统遇到软差错时会重发 SYN。"}},
	{SynRecv, RcvErr, Closed, refError, lang.Text{
		EN: "The answer to the peer's SYN did not come through. Linux ends the attempt of a simultaneous open at once, as in SYN_SENT.",
		ZH: "对对端 SYN 的应答没有送达。与在 SYN_SENT 时一样，Linux 立刻放弃这次同时打开。"}},
	{SynRecv, RcvErrAtPassive, Listen, refError, lang.Text{
		EN: "The SYN,ACK did not come through. On some of these errors Linux forgets the attempt, over IPv4 and IPv6 not on the same ones; the listener goes on, and its program never hears of it.",
		ZH: "SYN,ACK 没有送达。对其中一些差错，Linux 会放弃这次尝试（IPv4 与 IPv6 的取舍并不相同）；监听照旧，程序对此毫不知情。"}},
}

// stays lists, state by state, what can happen there without leaving it. What
// is neither here nor in rules cannot happen: seeing it means that the capture
// has missed something.
//
// Calls are not listed: a program may make any of them at any time.
var stays = map[State][]Event{
	// Nothing is known, so nothing is impossible, and nothing follows.
	Unknown: Events(),
	// A closed end answers everything with RST (RFC 9293 §3.10.7.1).
	Closed: {SndRst, RcvSyn, RcvSynAck, RcvAckOfSyn, RcvAck, RcvAckOfFin, RcvFin, RcvRst, RcvRstAtPassive, Timeout2MSL, TimeoutUser, RcvErr, RcvErrAtPassive},
	// A listener ignores RST and answers a stray ACK with RST (§3.10.7.2).
	Listen: {SndRst, RcvSynAck, RcvAckOfSyn, RcvAck, RcvAckOfFin, RcvFin, RcvRst, RcvRstAtPassive, RcvErr, RcvErrAtPassive},
	// SYN again is a retransmission; an ACK of something else draws RST (§3.10.7.3).
	SynSent:     {SndSyn, SndRst, RcvAckOfSyn, RcvAck, RcvFin},
	SynRecv:     {SndSynAck, SndAck, RcvSyn, RcvSynAck, RcvAck},
	Established: {SndAck, RcvSyn, RcvSynAck, RcvAckOfSyn, RcvAck, RcvErr, RcvErrAtPassive},
	FinWait1:    {SndAck, SndFin, SndSynAck, RcvSyn, RcvSynAck, RcvAckOfSyn, RcvAck, RcvErr, RcvErrAtPassive},
	FinWait2:    {SndAck, RcvSyn, RcvSynAck, RcvAck, RcvAckOfSyn, RcvAckOfFin, RcvErr, RcvErrAtPassive},
	CloseWait:   {SndAck, RcvSyn, RcvSynAck, RcvAckOfSyn, RcvAck, RcvFin, RcvErr, RcvErrAtPassive},
	Closing:     {SndAck, SndFin, RcvSyn, RcvSynAck, RcvAckOfSyn, RcvAck, RcvFin, RcvErr, RcvErrAtPassive},
	LastAck:     {SndAck, SndFin, RcvSyn, RcvSynAck, RcvAckOfSyn, RcvAck, RcvFin, RcvErr, RcvErrAtPassive},
	// A repeated FIN is acknowledged again and restarts the timer (§3.10.7.4).
	TimeWait: {SndAck, RcvSynAck, RcvAckOfSyn, RcvAck, RcvAckOfFin, RcvFin, RcvErr, RcvErrAtPassive},
}
