package follow

import (
	"fmt"
	"time"

	"lesson/lesson/lang"
)

// Text says what the end waits for. who is the program that holds its socket,
// empty where it is not known.
func (w *Wait) Text(who string) lang.Text {
	whoZH := who
	if who == "" {
		who, whoZH = "its program", "持有它的程序"
	}
	t := time.Duration(0)
	if w.For >= time.Second/10 {
		t = w.For
	}
	ago := age(t, w.AtLeast)
	long := length(t, w.AtLeast)
	say := func(en, zh string) lang.Text { return lang.Text{EN: en, ZH: zh} }
	switch w.Reason {
	case NotClosed:
		if w.NotAccepted {
			return say(fmt.Sprintf("peer closed %s, %s has not even called accept()", ago.EN, who),
				fmt.Sprintf("对端%s关闭，%s 连 accept() 都还没有调用", ago.ZH, whoZH))
		}
		return say(fmt.Sprintf("peer closed %s, %s has not called close()", ago.EN, who),
			fmt.Sprintf("对端%s关闭，%s 尚未调用 close()", ago.ZH, whoZH))
	case NotRead:
		return say(fmt.Sprintf("its window has been 0%s: %s does not read", long.EN, who),
			fmt.Sprintf("接收窗口%s一直为 0：%s 没有读取数据", long.ZH, whoZH))
	case PeerOpen:
		return say(fmt.Sprintf("closed %s, but the peer has not closed its side", ago.EN),
			fmt.Sprintf("%s关闭，但对端尚未关闭它那一侧", ago.ZH))
	case FinUnacked:
		return say(fmt.Sprintf("no ACK of its FIN%s", long.EN), fmt.Sprintf("它的 FIN %s没有得到确认", long.ZH))
	case NoAnswer:
		return say(fmt.Sprintf("no answer to its SYN%s", long.EN), fmt.Sprintf("它的 SYN %s没有应答", long.ZH))
	case NoHandshake:
		return say(fmt.Sprintf("the handshake has not been completed%s", long.EN), fmt.Sprintf("握手%s没有完成", long.ZH))
	default:
		return say(fmt.Sprintf("data sent, but no new ACK%s", long.EN), fmt.Sprintf("数据已发出，%s没有新的确认", long.ZH))
	}
}

// age is "12 s ago"; length is " for 12 s".
func age(d time.Duration, atLeast bool) lang.Text {
	switch {
	case d == 0:
		return lang.Text{EN: "earlier", ZH: "早已"}
	case atLeast:
		return lang.Text{EN: "at least " + Span(d).EN + " ago", ZH: "至少 " + Span(d).ZH + "前已"}
	}
	return lang.Text{EN: Span(d).EN + " ago", ZH: "已于 " + Span(d).ZH + "前"}
}

func length(d time.Duration, atLeast bool) lang.Text {
	switch {
	case d == 0:
		return lang.Text{}
	case atLeast:
		return lang.Text{EN: " for at least " + Span(d).EN, ZH: "至少 " + Span(d).ZH + " "}
	}
	return lang.Text{EN: " for " + Span(d).EN, ZH: "已有 " + Span(d).ZH + " "}
}

// Span is a time as people say it: 1.2 s, 12 s, 3 min, 2 h.
func Span(d time.Duration) lang.Text {
	switch {
	case d < 10*time.Second:
		return lang.Text{EN: fmt.Sprintf("%.1f s", d.Seconds()), ZH: fmt.Sprintf("%.1f 秒", d.Seconds())}
	case d < 2*time.Minute:
		return lang.Text{EN: fmt.Sprintf("%d s", int(d.Seconds())), ZH: fmt.Sprintf("%d 秒", int(d.Seconds()))}
	case d < 2*time.Hour:
		return lang.Text{EN: fmt.Sprintf("%d min", int(d.Minutes())), ZH: fmt.Sprintf("%d 分钟", int(d.Minutes()))}
	case d < 48*time.Hour:
		return lang.Text{EN: fmt.Sprintf("%d h", int(d.Hours())), ZH: fmt.Sprintf("%d 小时", int(d.Hours()))}
	}
	return lang.Text{EN: fmt.Sprintf("%d days", int(d.Hours()/24)), ZH: fmt.Sprintf("%d 天", int(d.Hours()/24))}
}
