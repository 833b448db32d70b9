package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"lesson/lesson/tcp"
)

// The ring: blocks that the kernel fills one after the other and hands over
// when they are full, or blockTime after their first frame. A block that is
// handed over early is used up all the same, so their number is what bridges
// the time in which we do not run: a quarter of a second.
const (
	blockTime  = 1 // ms
	blocks     = 256
	blockSnap  = 32 << 10  // 8 MB, enough for 90 frames a block cut at Snap
	blockWhole = 128 << 10 // 32 MB, enough for the longest frame of an ordinary interface
)

// Ring yields the TCP segments on an interface at the pace of a busy machine:
// the kernel writes frames into memory that this process reads, and a segment
// costs neither a system call nor an allocation. Opening and closing it take
// the kernel some 10 ms each, which is why short lessons use Live.
//
// One goroutine may use a Ring; Wake may be called from others.
type Ring struct {
	tap
	count   counter
	memory  []byte
	size    int            // of a block
	block   int            // the one that is read, or will be next
	left    uint32         // frames in it that are not read yet; 0: it is the kernel's
	frame   unsafe.Pointer // the next of them
	held    bool           // the block is not the kernel's
	dropped uint64
	gap     bool  // frames may be missing before the next segment
	asked   int64 // when the kernel was asked how many, until gaps before then are behind; else 0
	woken   atomic.Bool
}

// NewRing starts to capture on an interface, as Live does. What stands in the
// way is a *lang.Problem.
func NewRing(name string, o RingOptions) (*Ring, error) {
	r := &Ring{size: blockSnap}
	snap := uint32(Snap)
	if o.Whole {
		r.size, snap = blockWhole, whole
	}
	if err := r.open(name, o.Ports, snap, r.room); err != nil {
		_ = unix.Munmap(r.memory)
		return nil, err
	}
	return r, nil
}

func (r *Ring) room(fd int) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return fmt.Errorf("ring: %w", err)
	}
	if r.name == Any {
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_RESERVE, cooked); err != nil {
			return fmt.Errorf("ring: %w", err)
		}
	}
	err := unix.SetsockoptTpacketReq3(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &unix.TpacketReq3{
		Block_size: uint32(r.size), Block_nr: blocks,
		Frame_size: uint32(r.size), Frame_nr: blocks,
		Retire_blk_tov: blockTime,
	})
	if err != nil {
		return fmt.Errorf("ring: %w", err)
	}
	r.memory, err = unix.Mmap(fd, 0, r.size*blocks, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("ring: %w", err)
	}
	return nil
}

func (r *Ring) header() *unix.TpacketHdrV1 {
	d := (*unix.TpacketBlockDesc)(unsafe.Pointer(&r.memory[r.block*r.size]))
	return (*unix.TpacketHdrV1)(unsafe.Pointer(&d.Hdr))
}

// ready reports whether the kernel has handed the next block over.
func (r *Ring) ready() bool {
	return atomic.LoadUint32(&r.header().Block_status)&unix.TP_STATUS_USER != 0
}

// Next describes in c the next segment that has been captured; it is false
// where there is none yet. The slices in c are valid until the next call.
func (r *Ring) Next(c *tcp.Captured) bool {
	for {
		if r.left == 0 {
			r.release()
			if !r.ready() {
				return false
			}
			r.begin()
			continue
		}
		h := (*unix.Tpacket3Hdr)(r.frame)
		p := packet{
			time: int64(h.Sec)*1e9 + int64(h.Nsec), link: r.link, wire: int(h.Len),
			data: unsafe.Slice((*byte)(unsafe.Add(r.frame, h.Mac)), h.Snaplen),
		}
		if r.name == Any {
			p.data, p.wire = r.cook(h), p.wire+cooked
		}
		r.frame = unsafe.Add(r.frame, h.Next_offset)
		r.left--
		r.held = true
		if r.count.take(&p, c) {
			return true
		}
	}
}

// cooked is the length of a Linux cooked header, version 2.
const cooked = 20

// cook puts such a header before the frame, into the room that was reserved for
// it, as libpcap does: of all interfaces together there is no other, and it says
// which of them the frame was seen on.
func (r *Ring) cook(h *unix.Tpacket3Hdr) []byte {
	frame := unsafe.Slice((*byte)(unsafe.Add(r.frame, int(h.Mac)-cooked)), cooked+h.Snaplen)
	from := (*unix.RawSockaddrLinklayer)(unsafe.Add(r.frame, unix.SizeofTpacket3Hdr))
	binary.NativeEndian.PutUint16(frame, from.Protocol) // it is in network order already
	binary.BigEndian.PutUint16(frame[2:], 0)
	binary.BigEndian.PutUint32(frame[4:], uint32(from.Ifindex))
	binary.BigEndian.PutUint16(frame[8:], from.Hatype)
	frame[10], frame[11] = from.Pkttype, from.Halen
	copy(frame[12:], from.Addr[:])
	return frame
}

// begin opens the next block. Within a block nothing is missing; between two
// blocks frames may have been thrown away, because no block was free. The
// kernel then marks those that follow until it is asked how many frames that
// were. The answer counts what was thrown away since the block was marked, too,
// and clears the mark; so a gap is possible before every block that was opened
// until then, and before the first that was opened later.
func (r *Ring) begin() {
	h := r.header()
	r.left, r.held = h.Num_pkts, true
	r.frame = unsafe.Pointer(&r.memory[r.block*r.size+int(h.Offset_to_first_pkt)])
	opened := int64(h.Ts_first_pkt.Sec)*1e9 + int64(h.Ts_first_pkt.Usec) // ns in this version
	switch {
	case h.Block_status&unix.TP_STATUS_LOSING != 0:
		r.countDropped()
		r.gap, r.asked = true, time.Now().UnixNano()
	case r.asked != 0:
		r.gap = true
		if opened > r.asked {
			r.asked = 0
		}
	}
}

// release gives the block back once nothing of it is in use.
func (r *Ring) release() {
	if r.held {
		atomic.StoreUint32(&r.header().Block_status, unix.TP_STATUS_KERNEL)
		r.held = false
		r.block = (r.block + 1) % blocks
	}
}

// Wait waits until Next has something to look at. It returns
// os.ErrDeadlineExceeded at the deadline or by Wake, and a *lang.Problem when
// the interface goes down.
func (r *Ring) Wait(deadline time.Time) error {
	if r.ready() {
		return nil
	}
	if err := r.SetDeadline(deadline); err != nil {
		return r.failed(err)
	}
	if r.woken.Swap(false) {
		return os.ErrDeadlineExceeded
	}
	var broken error
	err := r.raw.Read(func(fd uintptr) bool {
		if errno, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR); err == nil && errno != 0 {
			broken = unix.Errno(errno)
			return true
		}
		return r.ready()
	})
	if err = errors.Join(err, broken); err != nil {
		return r.failed(err)
	}
	return nil
}

// Wake ends the Wait that is going on, or else the next one.
func (r *Ring) Wake() {
	r.woken.Store(true)
	_ = r.SetDeadline(time.Now())
}

// Gap reports whether frames may be missing before the segment that Next has
// returned last, because they were not read in time. It does so once.
func (r *Ring) Gap() bool {
	gap := r.gap
	r.gap = false
	return gap
}

// Dropped is how many frames the kernel has thrown away, as far as it has been
// asked. It was asked wherever Gap was true first.
func (r *Ring) Dropped() uint64 { return r.dropped }

// Final is how many frames the kernel has thrown away in all. It is to be
// asked when no segment is to be read any more; Gap is then true when some may
// be missing at the end.
func (r *Ring) Final() uint64 {
	before := r.dropped
	r.countDropped()
	r.gap = r.asked != 0 || r.dropped != before
	return r.dropped
}

func (r *Ring) countDropped() {
	_ = r.raw.Control(func(fd uintptr) {
		// Reading the statistics sets them to zero.
		if s, err := unix.GetsockoptTpacketStatsV3(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
			r.dropped += uint64(s.Drops)
		}
	})
}

// Close ends the capture. What was captured is gone with it.
func (r *Ring) Close() error {
	_ = unix.Munmap(r.memory)
	return r.close()
}
