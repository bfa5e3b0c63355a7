//go:build unix

package top

import "github.com/gdamore/tcell/v2"

// NewScreen returns the screen of the process's terminal, for [Run]. It has to be initialized.
func NewScreen() (tcell.Screen, error) {
	tty, err := tcell.NewDevTty()
	if err != nil {
		return nil, err
	}
	screen, err := tcell.NewTerminfoScreenFromTty(asciiTty{tty})
	if err != nil {
		_ = tty.Close() // Nothing was written to it.
		return nil, err
	}
	return screen, nil
}

// asciiTty leaves out of the input what is not ASCII, which no key of top is. A byte that is not of the
// terminal's encoding would keep tcell v2.13.10 decoding it for ever, deaf to keys and signals.
type asciiTty struct{ tcell.Tty }

// Read can return no bytes and no error.
func (t asciiTty) Read(p []byte) (int, error) {
	n, err := t.Tty.Read(p)
	kept := 0
	for _, b := range p[:n] {
		if b < 0x80 {
			p[kept] = b
			kept++
		}
	}
	return kept, err
}
