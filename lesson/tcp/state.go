package tcp

// State is the state of one end of a connection (RFC 9293 §3.3.2). The zero
// value is Unknown: a capture that starts in the middle has not shown it.
type State uint8

// The eleven states, spelled as the kernel's tools and the classic figures
// spell them.
const (
	Unknown State = iota
	Closed
	Listen
	SynSent
	SynRecv
	Established
	FinWait1
	FinWait2
	CloseWait
	Closing
	LastAck
	TimeWait
	numStates
)

var stateNames = [numStates][2]string{
	Unknown:     {"Unknown", "-"},
	Closed:      {"CLOSED", "CLOSED"},
	Listen:      {"LISTEN", "LISTEN"},
	SynSent:     {"SYN_SENT", "SYN-SENT"},
	SynRecv:     {"SYN_RECV", "SYN-RECEIVED"},
	Established: {"ESTABLISHED", "ESTABLISHED"},
	FinWait1:    {"FIN_WAIT1", "FIN-WAIT-1"},
	FinWait2:    {"FIN_WAIT2", "FIN-WAIT-2"},
	CloseWait:   {"CLOSE_WAIT", "CLOSE-WAIT"},
	Closing:     {"CLOSING", "CLOSING"},
	LastAck:     {"LAST_ACK", "LAST-ACK"},
	TimeWait:    {"TIME_WAIT", "TIME-WAIT"},
}

// String is the kernel's spelling: "FIN_WAIT1".
func (s State) String() string {
	if s >= numStates {
		return "Unknown"
	}
	return stateNames[s][0]
}

// RFC is RFC 9293's spelling: "FIN-WAIT-1".
func (s State) RFC() string {
	if s >= numStates {
		return "-"
	}
	return stateNames[s][1]
}

// ParseState reads either spelling; ok is false for anything else.
func ParseState(name string) (s State, ok bool) {
	for s, n := range stateNames {
		if name == n[0] || name == n[1] && s != int(Unknown) {
			return State(s), true
		}
	}
	return Unknown, false
}

// States lists the eleven states in the order of the RFC's figure.
func States() []State {
	all := make([]State, 0, numStates-1)
	for s := Closed; s < numStates; s++ {
		all = append(all, s)
	}
	return all
}
