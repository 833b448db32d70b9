package tcp

import "lesson/lesson/lang"

// Event is something that can move one end from state to state. A segment on
// the wire is Snd… at its sender and Rcv… at its receiver. Whatever depends on
// numbers (is this ACK for the SYN, is this RST exact) is decided before the
// event is named, so that the table of rules stays flat.
type Event uint8

// The events.
const (
	PassiveOpen     Event = iota // the program calls listen()
	StopListen                   // the program closes its listening socket
	Close                        // the program calls close()
	Shutdown                     // the program ends its sending: shutdown(SHUT_WR)
	StopReading                  // the program ends its receiving: shutdown(SHUT_RD)
	Abort                        // the program aborts: close() with SO_LINGER 0
	SndSyn                       // sends SYN
	SndSynAck                    // sends SYN and ACK
	SndAck                       // sends anything else that carries ACK: data or a bare acknowledgement
	SndFin                       // sends FIN for the first time
	SndRst                       // sends RST
	RcvSyn                       // receives SYN without ACK
	RcvNewSyn                    // receives a SYN that lies in its window, having come from LISTEN
	RcvSynAck                    // receives SYN and an acceptable ACK of its own SYN
	RcvAckOfSyn                  // receives an acceptable ACK of its own SYN, without a new SYN
	RcvAck                       // receives an acknowledgement of neither SYN nor FIN
	RcvAckOfFin                  // receives the ACK that covers its own FIN
	RcvFin                       // receives the peer's FIN, everything before it having come
	RcvRst                       // receives a RST that counts
	RcvRstAtPassive              // receives such a RST, having come from LISTEN
	Timeout2MSL                  // the TIME-WAIT timer ends
	TimeoutUser                  // gives up: retransmissions or the user timeout are exhausted
	RcvErr                       // receives an ICMP error about what it has sent
	RcvErrAtPassive              // receives such an error, having come from LISTEN
	numEvents
)

var eventNames = [numEvents]struct {
	name string
	text lang.Text
}{
	PassiveOpen:     {"passive open", lang.Text{EN: "the program calls listen()", ZH: "程序调用 listen()"}},
	StopListen:      {"stop listening", lang.Text{EN: "the program closes its listening socket", ZH: "程序关闭监听套接字"}},
	Close:           {"close", lang.Text{EN: "the program calls close()", ZH: "程序调用 close()"}},
	Shutdown:        {"shutdown", lang.Text{EN: "the program calls shutdown(SHUT_WR)", ZH: "程序调用 shutdown(SHUT_WR)"}},
	StopReading:     {"stop reading", lang.Text{EN: "the program calls shutdown(SHUT_RD)", ZH: "程序调用 shutdown(SHUT_RD)"}},
	Abort:           {"abort", lang.Text{EN: "the program aborts", ZH: "程序中止连接"}},
	SndSyn:          {"snd SYN", lang.Text{EN: "sends SYN", ZH: "发送 SYN"}},
	SndSynAck:       {"snd SYN,ACK", lang.Text{EN: "sends SYN and ACK", ZH: "发送 SYN 和 ACK"}},
	SndAck:          {"snd ACK", lang.Text{EN: "sends data or a bare ACK", ZH: "发送数据或单独的 ACK"}},
	SndFin:          {"snd FIN", lang.Text{EN: "sends FIN", ZH: "发送 FIN"}},
	SndRst:          {"snd RST", lang.Text{EN: "sends RST", ZH: "发送 RST"}},
	RcvSyn:          {"rcv SYN", lang.Text{EN: "receives SYN", ZH: "收到 SYN"}},
	RcvNewSyn:       {"rcv SYN (in window)", lang.Text{EN: "receives another SYN, in its window, having come from LISTEN", ZH: "收到落在窗口内的另一个 SYN，且本状态由 LISTEN 转来"}},
	RcvSynAck:       {"rcv SYN,ACK", lang.Text{EN: "receives SYN and the ACK of its own SYN", ZH: "收到 SYN 以及对本端 SYN 的 ACK"}},
	RcvAckOfSyn:     {"rcv ACK of SYN", lang.Text{EN: "receives the ACK of its own SYN", ZH: "收到对本端 SYN 的 ACK"}},
	RcvAck:          {"rcv ACK", lang.Text{EN: "receives an ACK of data, or of nothing new", ZH: "收到对数据的 ACK，或没有确认任何新内容的 ACK"}},
	RcvAckOfFin:     {"rcv ACK of FIN", lang.Text{EN: "receives the ACK of its own FIN", ZH: "收到对本端 FIN 的 ACK"}},
	RcvFin:          {"rcv FIN", lang.Text{EN: "receives FIN, and has everything before it", ZH: "收到 FIN，且之前的内容均已收到"}},
	RcvRst:          {"rcv RST", lang.Text{EN: "receives a valid RST", ZH: "收到有效的 RST"}},
	RcvRstAtPassive: {"rcv RST (passive)", lang.Text{EN: "receives a valid RST, having come from LISTEN", ZH: "收到有效的 RST，且本状态由 LISTEN 转来"}},
	Timeout2MSL:     {"2MSL timeout", lang.Text{EN: "the 2MSL timer runs out", ZH: "2MSL 定时器到期"}},
	TimeoutUser:     {"gives up", lang.Text{EN: "gives up after waiting too long", ZH: "等待过久而放弃"}},
	RcvErr:          {"rcv ICMP error", lang.Text{EN: "receives an ICMP error about a segment it has sent", ZH: "收到关于本端所发报文段的 ICMP 差错"}},
	RcvErrAtPassive: {"rcv ICMP error (passive)", lang.Text{EN: "receives such an ICMP error, having come from LISTEN", ZH: "收到这样的 ICMP 差错，且本状态由 LISTEN 转来"}},
}

// String is the short name used in the RFC's figure: "rcv FIN".
func (e Event) String() string {
	if e >= numEvents {
		return "unknown event"
	}
	return eventNames[e].name
}

// Call reports whether the event is a call that a program may make at any
// time, and that no segment need show.
func (e Event) Call() bool { return e <= Abort }

// Text says what happens at the end in question.
func (e Event) Text() lang.Text {
	if e >= numEvents {
		return lang.Text{}
	}
	return eventNames[e].text
}

// Events lists all events.
func Events() []Event {
	all := make([]Event, numEvents)
	for i := range all {
		all[i] = Event(i)
	}
	return all
}

// RuleID is a rule's place in Rules().
type RuleID uint8

// Rule is one arrow of the state machine (RFC 9293 §3.3.2, Figure 5).
type Rule struct {
	From State
	On   Event
	To   State
	Ref  string    // the RFC section: "RFC 9293 §3.10.7.4"
	Why  lang.Text // one sentence
}

// Verdict is the machine's answer to an event in a state.
type Verdict uint8

// The three answers.
const (
	Impossible Verdict = iota // an end in this state does not do, or cannot get, this
	Stays                     // it happens, and the state remains
	Moves                     // a rule leads on
)

// Answer says what event on does to an end in state from; the rule is nil
// unless the verdict is Moves.
func Answer(from State, on Event) (*Rule, Verdict) {
	if from >= numStates || on >= numEvents {
		return nil, Impossible
	}
	switch id := answers[from][on]; id {
	case ruleImpossible:
		return nil, Impossible
	case ruleStays:
		return nil, Stays
	default:
		return &rules[id], Moves
	}
}

// Rules lists the whole machine: every arrow this program knows.
func Rules() []Rule { return append([]Rule(nil), rules...) }

const (
	ruleImpossible RuleID = 255
	ruleStays      RuleID = 254
)

// answers is the rule table and the list of events that change nothing, laid
// out for look-up.
var answers = func() (t [numStates][numEvents]RuleID) {
	for s := range t {
		for e := range t[s] {
			t[s][e] = ruleImpossible
		}
	}
	for s := range t {
		for e := PassiveOpen; e.Call(); e++ {
			t[s][e] = ruleStays
		}
	}
	for s, events := range stays {
		for _, e := range events {
			t[s][e] = ruleStays
		}
	}
	for i, r := range rules {
		t[r.From][r.On] = RuleID(i)
	}
	return t
}()

// leads is where each rule leads: all that most segments need of it.
var leads = func() (to [ruleStays]State) {
	for i, r := range rules {
		to[i] = r.To
	}
	return to
}()
