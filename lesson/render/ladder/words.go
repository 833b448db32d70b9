package ladder

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"lesson/lesson"
	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// words are the fixed phrases.
var words = struct {
	end                                                   [2]lang.Text
	prints, inferred, unknown, kernelSays                 lang.Text
	liveHost, livePrivate, recorded, file, stdin, checked lang.Text
	frame, kernelAgrees, discards                         lang.Text
	vantage                                               [4]lang.Text // by tcp.Vantage
	differs, warning                                      lang.Text

	stillFlying, inFlight, beforeIt, afterIt, kernelOf                        lang.Text
	crosses, overtakes, repeated                                              lang.Text
	provoked, heldFor, repeatsIn, behind, behindOne, waitedOut, gaveUp, moved lang.Text
	again, sockets, stateIs, timerIs, retransmitsAre, toRead, toAck           lang.Text
	none, hopLimit, timeToLive                                                lang.Text
}{
	end:         [2]lang.Text{tcp.Client.Text(), tcp.Server.Text()},
	prints:      lang.Text{EN: "prints", ZH: "输出"},
	inferred:    lang.Text{EN: "(inferred)", ZH: "(推断)"},
	unknown:     lang.Text{EN: "unknown", ZH: "未知"},
	kernelSays:  lang.Text{EN: "kernel:", ZH: "内核："},
	liveHost:    lang.Text{EN: "live on %s", ZH: "实时抓包：%s"},
	livePrivate: lang.Text{EN: "live, private hosts", ZH: "实时抓包：私有主机"},
	recorded:    lang.Text{EN: "recording, %s", ZH: "录制的演示，%s"},
	file:        lang.Text{EN: "from %s", ZH: "来自 %s"},
	stdin:       lang.Text{EN: "standard input", ZH: "标准输入"},
	checked:     lang.Text{EN: "kernel-checked", ZH: "已与内核核对"},
	vantage: [4]lang.Text{
		tcp.AtClient: {EN: "captured at the client", ZH: "在客户端抓取"},
		tcp.AtServer: {EN: "captured at the server", ZH: "在服务器抓取"},
		tcp.Between:  {EN: "captured on the way", ZH: "在途中抓取"},
	},
	frame:        lang.Text{EN: "frame %d", ZH: "第 %d 帧"},
	kernelAgrees: lang.Text{EN: "the kernel agrees", ZH: "与内核一致"},
	discards:     lang.Text{EN: "the receiver discards it", ZH: "接收端将其丢弃"},
	differs:      lang.Text{EN: "Not as promised:", ZH: "与预期不符："},
	warning:      lang.Text{EN: "Warning:", ZH: "注意："},

	stillFlying: lang.Text{EN: "still on the way", ZH: "仍在途中"},
	inFlight:    lang.Text{EN: "in flight", ZH: "在途中"},
	beforeIt:    lang.Text{EN: "before", ZH: "之前"},
	afterIt:     lang.Text{EN: "after", ZH: "之后"},
	kernelOf:    lang.Text{EN: "the %s's kernel", ZH: "%s内核"},

	crosses:   lang.Text{EN: "crossed: %1 and %2 pass each other on the way", ZH: "交错：%1 与 %2 在途中相遇，各自继续前行"},
	overtakes: lang.Text{EN: "out of order: %1 overtakes %2, which is still on its way", ZH: "乱序：%1 超过了仍在途中的 %2"},
	repeated:  lang.Text{EN: "the %who's kernel has sent it again %times meanwhile, waiting %list", ZH: "其间%who内核重传了%times，等待时间依次为 %list"},

	provoked: lang.Text{EN: "meanwhile the %who's kernel, without the answer, has repeated %times what it had sent before, %list after this segment left", ZH: "其间%who内核收不到应答，把先前发过的重传了%times（本报文段发出后 %list）"},

	heldFor:   lang.Text{EN: "held for %s", ZH: "已扣住 %s"},
	repeatsIn: lang.Text{EN: "to be sent again in %s", ZH: "%s 后将重传"},
	behind:    lang.Text{EN: "%s more are waiting behind it", ZH: "后面还有 %s 个报文段在等待"},
	behindOne: lang.Text{EN: "1 more is waiting behind it", ZH: "后面还有 1 个报文段在等待"},
	waitedOut: lang.Text{EN: "the %1's kernel has waited long enough: %2", ZH: "%1的内核等待期满：%2"},
	gaveUp:    lang.Text{EN: "the %1's kernel has given up: %2", ZH: "%1的内核已放弃：%2"},
	moved:     lang.Text{EN: "the %1's kernel has gone on by itself: %2", ZH: "%1的内核自行变为 %2"},

	again:          lang.Text{EN: "read again: %1 (%2 of %3)", ZH: "回看：%1（第 %2 行，共 %3 行）"},
	sockets:        lang.Text{EN: "what both kernels say now", ZH: "此刻两端内核中的套接字"},
	stateIs:        lang.Text{EN: "state", ZH: "状态"},
	timerIs:        lang.Text{EN: "timer", ZH: "定时器"},
	retransmitsAre: lang.Text{EN: "sent again", ZH: "已重传次数"},
	toRead:         lang.Text{EN: "not read yet", ZH: "尚未读取"},
	toAck:          lang.Text{EN: "not acknowledged", ZH: "尚未确认"},
	none:           lang.Text{EN: "none", ZH: "无"},

	hopLimit:   lang.Text{EN: "IPv6: hop limit %d", ZH: "IPv6：跳数限制 %d"},
	timeToLive: lang.Text{EN: "IPv4: time to live (TTL) %d, identification %d", ZH: "IPv4：生存时间（TTL）%d，标识 %d"},
}

// timerNames are a kernel's timers.
var timerNames = map[string]lang.Text{
	"retransmit": {EN: "retransmit", ZH: "重传"},
	"keepalive":  {EN: "keep-alive", ZH: "保活"},
	"probe":      {EN: "window probe", ZH: "窗口探测"},
	"timewait":   {EN: "FIN_WAIT2 timeout", ZH: "FIN_WAIT2 超时"}, // of TIME_WAIT it is 2MSL
}

// fateWords say in a sentence what becomes of a segment that does not simply
// arrive.
var fateWords = map[lesson.Fate]lang.Text{
	lesson.Lost:      {EN: "lost on the way", ZH: "在途中丢失"},
	lesson.Corrupted: {EN: "damaged on the way", ZH: "在途中损坏"},
	lesson.Delayed:   {EN: "delayed on the way", ZH: "在途中延迟"},
	lesson.Arrived:   {EN: "left earlier and arrives now", ZH: "先前发出，现在到达"},
	lesson.Copied:    {EN: "arrives once more", ZH: "再次到达"},
	lesson.Injected:  {EN: "nobody has sent it now: it is old, or forged", ZH: "并非现在发出：旧的，或伪造的"},
}

// whyDiffers says why the kernel may call an end's state something else than
// the wire shows.
func whyDiffers(end tcp.End, story, kernel tcp.State) lang.Text {
	switch {
	case story == tcp.SynRecv && (kernel == tcp.Listen || kernel == tcp.Closed):
		return lang.Text{
			EN: "The kernel keeps no socket for this unfinished connection: with SYN cookies the sequence number alone remembers it, or it was given up meanwhile.",
			ZH: "内核没有为这个未完成的连接（半连接）保存套接字：用 SYN cookie 时只靠序号记住它，或者它已被放弃。"}
	case story == tcp.Established && kernel == tcp.SynRecv:
		return lang.Text{
			EN: "For this kernel the last ACK of the handshake has not counted: the accept queue may be full, or the question came before the ACK.",
			ZH: "握手的最后一个 ACK 对内核没有生效：可能是 accept 队列已满，也可能询问时 ACK 还没有到。"}
	case story == tcp.TimeWait && (kernel == tcp.Closed || kernel == tcp.Listen):
		return lang.Text{
			EN: "The kernel has already forgotten this TIME_WAIT: its time is over, the port is in use again, or there were too many (tcp_max_tw_buckets).",
			ZH: "内核已经不再保留这个 TIME_WAIT：时间已到、端口已被重新使用，或数量过多（tcp_max_tw_buckets）。"}
	case story == tcp.FinWait2 && (kernel == tcp.Closed || kernel == tcp.Listen):
		return lang.Text{
			EN: "Probably no program holds this socket any more: then Linux does not wait in FIN_WAIT2 for ever (tcp_fin_timeout).",
			ZH: "可能已没有程序持有这个套接字：这时 Linux 不会在 FIN_WAIT2 无限等待（tcp_fin_timeout）。"}
	case kernel == tcp.Closed || kernel == tcp.Listen && end == tcp.Server:
		return lang.Text{
			EN: "The kernel has no such socket any more: it was reset, given up or removed, and no segment shows it.",
			ZH: "内核中已没有这个套接字：它已被重置、放弃或清除，而线路上没有相应的报文段。"}
	}
	return lang.Text{
		EN: "The wire shows one thing and the socket says another: perhaps the kernel was asked just before or just after it processed a segment.",
		ZH: "线路上看到的与套接字的状态不同：也许询问内核时，恰在它处理某个报文段之前或之后。"}
}

// findings says each finding's name, as a teacher would, and its sentence.
func (p *pen) findings(s *lesson.Segment, all tcp.Findings) (out []paragraph) {
	for ; all != 0; all &= all - 1 {
		f := all & -all
		if text := s.Says(f); !text.IsZero() {
			out = append(out, paragraph{boldInk, p.sign.alert + " ", p.say(findingNames[f]) + p.colon() + p.say(text)})
		}
	}
	return out
}

var findingNames = map[tcp.Findings]lang.Text{
	tcp.Retransmission:   {EN: "retransmission", ZH: "重传"},
	tcp.OutOfOrder:       {EN: "out of order", ZH: "乱序"},
	tcp.Gap:              {EN: "gap", ZH: "空洞"},
	tcp.DuplicateAck:     {EN: "duplicate ACK", ZH: "重复 ACK"},
	tcp.WindowUpdate:     {EN: "window update", ZH: "窗口更新"},
	tcp.ZeroWindow:       {EN: "zero window", ZH: "零窗口"},
	tcp.KeepAlive:        {EN: "keep-alive", ZH: "保活"},
	tcp.BadChecksum:      {EN: "bad checksum", ZH: "校验和错误"},
	tcp.Unacceptable:     {EN: "unacceptable", ZH: "不可接受"},
	tcp.ResetIgnored:     {EN: "RST ignored", ZH: "RST 被忽略"},
	tcp.ResetAtFin:       {EN: "RST at the FIN's number", ZH: "RST 使用 FIN 的序号"},
	tcp.Crossed:          {EN: "crossed", ZH: "交错"},
	tcp.Contradiction:    {EN: "contradiction", ZH: "矛盾"},
	tcp.PortReused:       {EN: "port reused", ZH: "端口重用"},
	tcp.AckedUnseen:      {EN: "unseen bytes acknowledged", ZH: "确认了未见过的字节"},
	tcp.SynData:          {EN: "data in the SYN", ZH: "SYN 携带数据"},
	tcp.WindowProbe:      {EN: "window probe", ZH: "零窗口探测"},
	tcp.Copy:             {EN: "copy", ZH: "副本"},
	tcp.Repeated:         {EN: "arrived before", ZH: "重复到达"},
	tcp.RepeatedAcks:     {EN: "its ACK counts", ZH: "其中的 ACK 有效"},
	tcp.ResetInWindow:    {EN: "RST in the window", ZH: "RST 落在窗口内"},
	tcp.SynResets:        {EN: "SYN in the window", ZH: "SYN 落在窗口内"},
	tcp.ListenerGone:     {EN: "nobody listens any more", ZH: "监听者已不在"},
	tcp.DataPastFin:      {EN: "data beyond the FIN", ZH: "数据越过 FIN"},
	tcp.AcksNothing:      {EN: "acknowledges nothing", ZH: "什么都没有确认"},
	tcp.Sack:             {EN: "selective ACK", ZH: "选择确认"},
	tcp.DuplicateSack:    {EN: "duplicate SACK", ZH: "重复 SACK"},
	tcp.Lost:             {EN: "lost", ZH: "丢失"},
	tcp.HopLimitDiffers:  {EN: "hop limit differs", ZH: "跳数限制不同"},
	tcp.ResetAhead:       {EN: "RST beyond a hole", ZH: "RST 位于空洞之后"},
	tcp.ConnectionBefore: {EN: "connection before", ZH: "前一个连接"},
	tcp.ResetDepends:     {EN: "depends on the kernel", ZH: "取决于内核"},
}

// revision says what a segment corrects: in rows that are drawn and cannot be
// changed any more, in rows that were drawn right because they came late, or,
// without a revision, that its own row has been corrected.
func (l *Ladder) revision(r tcp.Revision) string {
	switch {
	case r.Since == 0:
		return l.say(lang.Text{
			EN: "corrected: only a later segment shows what had happened",
			ZH: "更正：后来的报文段才显示出实情",
		})
	case r.State == tcp.Unknown && l.right:
		return l.say(lang.Text{
			EN: fmt.Sprintf("this segment leaves open which state the %s was in, from segment %d on", words.end[r.End&1].EN, r.Since),
			ZH: fmt.Sprintf("有了这个报文段，从第 %d 个报文段起，%s的状态就无法确定了", r.Since, words.end[r.End&1].ZH),
		})
	case r.State == tcp.Unknown:
		return l.say(lang.Text{
			EN: fmt.Sprintf("from segment %[2]d on, the state shown above for the %[1]s is not certain", words.end[r.End&1].EN, r.Since),
			ZH: fmt.Sprintf("从第 %d 个报文段起，上面显示的%s状态并不确定", r.Since, words.end[r.End&1].ZH),
		})
	case l.right:
		return l.say(lang.Text{
			EN: fmt.Sprintf("this segment shows that the %s was really %s, from segment %d on", words.end[r.End&1].EN, english(r.State), r.Since),
			ZH: fmt.Sprintf("这个报文段表明：从第 %d 个报文段起，%s实际上处于 %s", r.Since, words.end[r.End&1].ZH, chinese(r.State)),
		})
	}
	return l.say(lang.Text{
		EN: fmt.Sprintf("from segment %[2]d on, the state shown above for the %[1]s is wrong: it was really %[3]s", words.end[r.End&1].EN, r.Since, english(r.State)),
		ZH: fmt.Sprintf("从第 %d 个报文段起，上面显示的%s状态有误：它实际上处于 %s", r.Since, words.end[r.End&1].ZH, chinese(r.State)),
	})
}

func english(s tcp.State) string { return (&pen{}).state(s) }
func chinese(s tcp.State) string { return (&pen{o: Options{Lang: lang.Chinese}}).state(s) }

// source says where the segments come from, and whether the kernel is asked.
func (p *pen) source(o *lesson.Opening) string {
	name := p.clean(o.Interface)
	if o.Place == lesson.File && name == "-" {
		name = p.say(words.stdin)
	}
	t := words.file
	switch o.Place {
	case lesson.Host:
		t = words.liveHost
	case lesson.Private:
		t = words.livePrivate
	case lesson.Recorded:
		t = words.recorded
	case lesson.File:
	}
	s := strings.ReplaceAll(p.say(t), "%s", name)
	if o.Vantage != tcp.Anywhere {
		s += p.comma() + p.say(words.vantage[o.Vantage])
	}
	if o.Checked {
		if p.o.Plain {
			return s + p.comma() + p.say(words.checked)
		}
		s += " " + p.sign.dot + " " + p.say(words.checked) + " " + p.sign.yes
	}
	return s
}

// frame says which packet a segment was, and of which file where there are several.
func (p *pen) frame(s *lesson.Segment) string {
	n := fmt.Sprintf(p.say(words.frame), s.Number)
	if s.File != "" {
		n += p.comma() + p.clean(s.File)
	}
	return n
}

// noteText begins with what kind of note it is.
func (p *pen) noteText(n *lesson.Note) paragraph {
	switch n.Kind {
	case lesson.Differs:
		return paragraph{boldInk, p.sign.no + " ", p.join(p.say(words.differs), p.explanation(n.Explanation))}
	case lesson.Warning:
		return paragraph{boldInk, p.sign.alert + " ", p.join(p.say(words.warning), p.explanation(n.Explanation))}
	case lesson.Remark:
	}
	return paragraph{faintInk, "", p.explanation(n.Explanation)}
}

// join puts two phrases together: with a space, in Chinese without.
func (p *pen) join(a, b string) string {
	if p.o.Lang == lang.Chinese || a == "" || b == "" {
		return a + b
	}
	return a + " " + b
}

var openedText = map[lesson.Opened]lang.Text{
	lesson.OpenedBefore:    {EN: "open before the capture began", ZH: "抓包开始前已建立"},
	lesson.OpenedHandshake: {EN: "opened by a three-way handshake", ZH: "经三次握手建立"},
	lesson.OpenedBoth:      {EN: "opened by both ends at the same time", ZH: "双方同时打开"},
	lesson.OpenedHalf:      {EN: "the handshake was never completed", ZH: "握手没有完成"},
	lesson.OpenedRefused:   {EN: "refused with RST", ZH: "被 RST 拒绝"},
	lesson.OpenedNot:       {EN: "the SYN was never answered", ZH: "SYN 没有得到应答"},
	lesson.OpenedUnreached: {EN: "the attempt to connect was ended by an ICMP error", ZH: "连接尝试因 ICMP 差错而终止"},
}

var closedText = map[lesson.Closed]lang.Text{
	lesson.ClosedNot:   {EN: "still open at the end", ZH: "抓包结束时仍未关闭"},
	lesson.ClosedFIN:   {EN: "closed by a FIN from each end", ZH: "双方各以 FIN 关闭"},
	lesson.ClosedHalf:  {EN: "closed in one direction only", ZH: "只关闭了一个方向"},
	lesson.ClosedReset: {EN: "ended by RST", ZH: "被 RST 中止"},
	lesson.ClosedNever: {},
}

// howClosed is "closed in one direction only".
func howClosed(c *lesson.Connection) lang.Text {
	if c.Closed == lesson.ClosedHalf && bothSentFin(c.State) {
		return lang.Text{EN: "closed by a FIN from each end, not both seen acknowledged", ZH: "双方各以 FIN 关闭，但未见两个 FIN 都得到确认"}
	}
	return closedText[c.Closed]
}

// bothSentFin reports whether states show that each end has sent a FIN.
func bothSentFin(s [2]tcp.State) bool {
	sent := 0
	for _, s := range s {
		switch s {
		case tcp.Closing, tcp.LastAck, tcp.TimeWait:
			return true
		case tcp.FinWait1, tcp.FinWait2:
			sent++
		}
	}
	return sent == 2
}

// life is a connection in one sentence without its end: "opened by …, closed by …".
func life(c *lesson.Connection) lang.Text {
	t, b := and(openedText[c.Opened], howClosed(c)), bounces(c)
	if c.Opened == lesson.OpenedUnreached && !b.IsZero() {
		return lang.Text{EN: t.EN + ": " + b.EN, ZH: t.ZH + "：" + b.ZH}
	}
	return and(t, b)
}

// traffic is a connection's size: "9 segments, 24 bytes to the server, 0 back".
func traffic(c *lesson.Connection) lang.Text {
	up, down := c.Bytes[tcp.Client], c.Bytes[tcp.Server]
	return lang.Text{
		EN: fmt.Sprintf("%s, %s from the client, %s from the server, %s",
			count(uint64(c.Segments), "segment"), count(up, "byte"), count(down, "byte"), duration(c.Duration)),
		ZH: fmt.Sprintf("%d 个报文段，客户端发送 %d 字节，服务器发送 %d 字节，历时 %s", c.Segments, up, down, duration(c.Duration)),
	}
}

// uneventful reports whether an ending adds nothing to its connection's summary.
func uneventful(e *lesson.Ending) bool { return e.Dropped == 0 && e.Disagreed == 0 && e.Kept }

// verdict is a story's last sentence, without its end.
func verdict(e *lesson.Ending, asked, live bool) lang.Text {
	en := []string{count(uint64(max(e.Segments, 0)), "segment")}
	zh := []string{fmt.Sprintf("%d 个报文段", e.Segments)}
	if e.Connections > 1 {
		en = append(en, count(uint64(e.Connections), "connection"))
		zh = append(zh, fmt.Sprintf("%d 个连接", e.Connections))
	}
	en, zh = append(en, duration(e.Duration)), append(zh, duration(e.Duration))
	switch {
	case e.Disagreed > 0:
		en = append(en, "the kernel differed "+times(e.Disagreed))
		zh = append(zh, fmt.Sprintf("与内核有 %d 次不一致", e.Disagreed))
	case asked:
		en, zh = append(en, "the kernel agreed every time"), append(zh, "每次都与内核一致")
	}
	switch {
	case e.Dropped > 0:
		en = append(en, count(e.Dropped, "frame")+" lost by the capture")
		zh = append(zh, fmt.Sprintf("抓包丢失 %d 帧", e.Dropped))
	case live:
		en, zh = append(en, "no frames lost"), append(zh, "没有丢帧")
	}
	if e.Stopped {
		en, zh = append(en, "stopped before its end"), append(zh, "中途停止")
	}
	if !e.Kept {
		en, zh = append(en, "not as promised"), append(zh, "与预期不符")
	}
	return lang.Text{EN: strings.Join(en, ", "), ZH: strings.Join(zh, "，")}
}

func count(n uint64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.FormatUint(n, 10) + " " + thing + "s"
}

func itoa(n int) string { return strconv.Itoa(n) }

// timesIn is "twice" in either language.
func timesIn(l lang.Lang, n int) string {
	if l == lang.Chinese {
		return " " + itoa(n) + " 次"
	}
	return times(n)
}

func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return strconv.Itoa(n) + " times"
}

// since is a time as a story counts it, as short as a duration: negative before
// the story's first segment, where a clock was set back or several were merged.
func since(d time.Duration) string {
	if d < 0 {
		return "-" + duration(d)
	}
	return duration(d)
}

// duration is short and has its unit, held to it by a no-break space: 87 µs, 1.2 ms, 3.4 s, 2 h 3 min.
func duration(d time.Duration) string {
	switch d = d.Abs(); {
	case d == 0:
		return "0\u00a0s"
	case d < time.Millisecond:
		return fmt.Sprintf("%d\u00a0µs", (d + time.Microsecond - 1).Microseconds())
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f\u00a0ms", d.Seconds()*1e3)
	case d < time.Second:
		return fmt.Sprintf("%d\u00a0ms", d.Milliseconds())
	case d < 10*time.Second && d%time.Second != 0:
		return fmt.Sprintf("%.1f\u00a0s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%d\u00a0s", int64(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d\u00a0min\u00a0%d\u00a0s", int64(d.Minutes()), int64(d.Seconds())%60)
	}
	return fmt.Sprintf("%d\u00a0h\u00a0%d\u00a0min", int64(d.Hours()), int64(d.Minutes())%60)
}
