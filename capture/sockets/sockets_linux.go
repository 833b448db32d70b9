package sockets

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"lesson/lesson/lang"
	"lesson/lesson/tcp"
)

// The library looks for the machine's byte order on first use, and without a
// lock: two goroutines that ask at once would race.
var _ = nl.NativeEndian()

// Diag is an open line to the kernel's socket table, in the network namespace
// it was opened in. It may be used by several goroutines, and after the
// process has given its privileges up.
type Diag struct {
	line map[int]*nl.SocketHandle
}

// Open opens the line and makes sure that the kernel answers on it: without
// its tcp_diag module it would deny every socket. The error is a
// *lang.Problem.
func Open() (*Diag, error) {
	s, err := nl.GetNetlinkSocketAt(netns.None(), netns.None(), unix.NETLINK_INET_DIAG)
	if err != nil {
		return nil, silent(err)
	}
	d := &Diag{line: map[int]*nl.SocketHandle{unix.NETLINK_INET_DIAG: {Socket: s}}}
	// A listing of the sockets in no state at all: empty, or an error.
	if _, err := d.execute(unix.NLM_F_DUMP, question{Family: unix.AF_INET, Protocol: unix.IPPROTO_TCP}); err != nil {
		d.Close()
		return nil, silent(err)
	}
	return d, nil
}

func silent(err error) *lang.Problem {
	return &lang.Problem{
		What: lang.Text{
			EN: "the kernel cannot be asked for the states of sockets",
			ZH: "无法向内核查询套接字的状态",
		},
		Hint: lang.Text{
			EN: "load the module that answers: sudo modprobe tcp_diag",
			ZH: "请加载负责应答的内核模块：sudo modprobe tcp_diag",
		},
		Err: err,
	}
}

// Close ends the line.
func (d *Diag) Close() error {
	for _, h := range d.line {
		h.Close()
	}
	return nil
}

// Ask looks the connection up from local to remote exactly as a segment
// arriving for local would be: first the connection itself (also as a request
// in SYN_RECV, or what is left of it in TIME_WAIT), then a listener.
func (d *Diag) Ask(local, remote netip.AddrPort) (Socket, error) {
	message, err := d.ask(local, remote)
	if errors.Is(err, unix.ENOENT) {
		return Socket{State: tcp.Closed}, nil
	}
	if err != nil {
		return Socket{}, fmt.Errorf("asking the kernel for %v: %w", local, err)
	}
	return parse(message)
}

// exactly asks for the socket of one end of one connection, or its listener.
func exactly(local, remote netip.AddrPort) question {
	q := question{Family: unix.AF_INET6, Protocol: unix.IPPROTO_TCP, States: ^uint32(0), ID: id{
		SourcePort:      swap(local.Port()),
		DestinationPort: swap(remote.Port()),
		Cookie:          [2]uint32{nl.TCPDIAG_NOCOOKIE, nl.TCPDIAG_NOCOOKIE},
	}}
	from, to := local.Addr().Unmap(), remote.Addr().Unmap()
	if from.Is4() && to.Is4() {
		q.Family = unix.AF_INET
	}
	copy(q.ID.Source[:], from.AsSlice())
	copy(q.ID.Destination[:], to.AsSlice())
	return q
}

func (d *Diag) ask(local, remote netip.AddrPort) ([]byte, error) {
	answers, err := d.execute(0, exactly(local, remote))
	if err != nil {
		return nil, err
	}
	if len(answers) != 1 {
		return nil, fmt.Errorf("%d answers", len(answers))
	}
	return answers[0], nil
}

// execute is why the netlink package's own SocketGet is not used: that asks
// for a listing, which walks every socket of the machine, compares ports but
// not addresses, and shows no listener.
func (d *Diag) execute(flags int, q question) ([][]byte, error) {
	r := nl.NewNetlinkRequest(nl.SOCK_DIAG_BY_FAMILY, flags)
	r.Sockets = d.line
	r.AddData(q)
	return r.Execute(unix.NETLINK_INET_DIAG, nl.SOCK_DIAG_BY_FAMILY)
}

// question is struct inet_diag_req_v2 of linux/inet_diag.h, and id its struct
// inet_diag_sockid. Ports and addresses are in network order.
type question struct {
	Family, Protocol, Ext, _ uint8
	States                   uint32 // bit n: sockets in the kernel's state n
	ID                       id
}

type id struct {
	SourcePort, DestinationPort [2]byte
	Source, Destination         [16]byte
	Interface                   uint32
	Cookie                      [2]uint32
}

// answer is struct inet_diag_msg.
type answer struct {
	Family, State, Timer, _ uint8
	ID                      id
	Expires                 uint32 // milliseconds
	ReadQueue, WriteQueue   uint32
	UID, Inode              uint32
}

func swap(port uint16) (b [2]byte) {
	binary.BigEndian.PutUint16(b[:], port)
	return b
}

// Len and Serialize make a question the data of a netlink request.
func (q question) Len() int { return binary.Size(q) }

func (q question) Serialize() []byte {
	b, err := binary.Append(nil, binary.NativeEndian, q)
	if err != nil {
		panic(err) // the struct has a fixed size
	}
	return b
}

// states and timers are numbered as in the kernel's net/tcp_states.h and
// linux/inet_diag.h.
var states = [...]tcp.State{
	1: tcp.Established, 2: tcp.SynSent, 3: tcp.SynRecv, 4: tcp.FinWait1,
	5: tcp.FinWait2, 6: tcp.TimeWait, 7: tcp.Closed, 8: tcp.CloseWait,
	9: tcp.LastAck, 10: tcp.Listen, 11: tcp.Closing,
	12: tcp.SynRecv, // a request that has no socket of its own yet
	13: tcp.Closed,  // bound to a port and nothing more
}

var timers = [...]string{1: "retransmit", 2: "keepalive", 3: "timewait", 4: "probe"}

func parse(message []byte) (Socket, error) {
	var a answer
	if _, err := binary.Decode(message, binary.NativeEndian, &a); err != nil {
		return Socket{}, fmt.Errorf("the kernel's answer has %d bytes: %w", len(message), err)
	}
	return a.socket()
}

func (a *answer) socket() (Socket, error) {
	if int(a.State) >= len(states) || states[a.State] == tcp.Unknown {
		return Socket{}, fmt.Errorf("the kernel answers with state %d, which this program does not know", a.State)
	}
	s := Socket{State: states[a.State]}
	if a.Timer != 0 && int(a.Timer) < len(timers) {
		s.Timer, s.Remaining = timers[a.Timer], time.Duration(a.Expires)*time.Millisecond
	}
	return s, nil
}
