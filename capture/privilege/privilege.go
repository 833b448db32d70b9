// Package privilege gives up what was only needed to open a few sockets, and
// creates files as the person who asked for them. Under sudo that person is
// the one who called sudo.
package privilege
