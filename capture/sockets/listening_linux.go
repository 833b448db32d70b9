package sockets

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Listening reports whether any TCP socket listens, over IPv4 or IPv6.
func (d *Diag) Listening() (bool, error) {
	const listen = 10 // see states
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		q := question{Family: family, Protocol: unix.IPPROTO_TCP, States: 1 << listen}
		answers, err := d.execute(unix.NLM_F_DUMP, q)
		if err != nil {
			return false, fmt.Errorf("listing sockets: %w", err)
		}
		if len(answers) > 0 {
			return true, nil
		}
	}
	return false, nil
}
