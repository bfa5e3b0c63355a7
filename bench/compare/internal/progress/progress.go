// Package progress says what is being done, for as long as it is being done.
//
// On a terminal that is one line, which changes. Elsewhere, as in the log of a
// service, lines cannot change: there a new one comes now and then.
package progress

import (
	"fmt"
	"io"
	"os"
	"time"
)

// A Line is that line. A nil Line says nothing. It is not safe for concurrent use.
type Line struct {
	out      io.Writer
	terminal bool
	now      func() time.Time
	began    time.Time
	last     time.Time // when a line was last written, where lines cannot change
}

// every is how often there is a new line, where lines cannot change.
const every = 15 * time.Second

// New returns a line on a file.
func New(f *os.File) *Line {
	info, err := f.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0
	return &Line{out: f, terminal: terminal, now: time.Now, began: time.Now()}
}

// Printf says what is being done now. That it cannot be written is no reason to stop
// measuring.
func (l *Line) Printf(format string, args ...any) {
	if l == nil {
		return
	}
	text := fmt.Sprintf("%5s  ", l.now().Sub(l.began).Truncate(time.Second)) + fmt.Sprintf(format, args...)
	switch {
	case l.terminal:
		fmt.Fprint(l.out, "\r\x1b[K", text)
	case l.now().Sub(l.last) >= every:
		l.last = l.now()
		fmt.Fprintln(l.out, text)
	}
}

// Clear removes the line from a terminal.
func (l *Line) Clear() {
	if l != nil && l.terminal {
		fmt.Fprint(l.out, "\r\x1b[K")
	}
}
