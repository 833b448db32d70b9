package owners

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Finder looks through /proc. A look costs a system call for each open file of
// the machine, so its result is kept, and the next comes no sooner than after
// twenty times as long as the last one took.
type Finder struct {
	holder map[uint32]Process
	next   time.Time // when it may look again
	partly bool
}

// Of is as in Holders. An ordinary user sees only processes of their own.
func (f *Finder) Of(inode uint32) (Process, bool) {
	if inode == 0 {
		return Process{}, false
	}
	if p, ok := f.holder[inode]; ok && p.holds(inode) {
		return p, true
	}
	if now := time.Now(); now.After(f.next) {
		f.look()
		f.next = time.Now().Add(20 * time.Since(now))
	}
	p, ok := f.holder[inode]
	return p, ok && p.holds(inode)
}

// Partly is as in Holders.
func (f *Finder) Partly() bool { return f.partly }

// Close does nothing.
func (*Finder) Close() error { return nil }

// look takes down who holds which socket.
func (f *Finder) look() {
	f.holder, f.partly = map[uint32]Process{}, false
	for _, pid := range numbers("/proc") {
		dir := filepath.Join("/proc", strconv.Itoa(pid))
		fds, err := os.ReadDir(filepath.Join(dir, "fd"))
		if os.IsPermission(err) {
			f.partly = true
		}
		name := ""
		for _, fd := range fds {
			target, err := os.Readlink(filepath.Join(dir, "fd", fd.Name()))
			if err != nil {
				continue
			}
			inode, ok := socketInode(target)
			if _, known := f.holder[inode]; !ok || known {
				continue
			}
			if name == "" {
				comm, _ := os.ReadFile(filepath.Join(dir, "comm"))
				name = strings.TrimSuffix(string(comm), "\n")
			}
			f.holder[inode] = Process{PID: pid, Name: name, fd: fd.Name()}
		}
	}
}

// holds reports whether the process still has the socket where it was found.
func (p Process) holds(inode uint32) bool {
	target, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(p.PID), "fd", p.fd))
	is, ok := socketInode(target)
	return err == nil && ok && is == inode
}

// numbers are the names in a directory that are numbers, from the lowest.
func numbers(dir string) []int {
	d, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	var out []int
	for _, name := range names {
		if n, err := strconv.Atoi(name); err == nil {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

// socketInode reads what an open file that is a socket is called.
func socketInode(target string) (uint32, bool) {
	digits, ok := strings.CutPrefix(target, "socket:[")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(digits, "]"), 10, 32)
	return uint32(n), err == nil
}
