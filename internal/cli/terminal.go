package cli

import (
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// IsTerminal reports whether a stream that a program reads or writes is one.
func IsTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Width returns how many columns the terminal has that a program writes to; 0 if it is
// none, or does not say.
func Width(stream any) int {
	f, ok := stream.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// Widest returns how many columns the longest line of a text takes.
func Widest(text string) (n int) {
	for line := range strings.Lines(text) {
		n = max(n, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")))
	}
	return n
}

// Shorten leaves out the middle of what takes more columns: names that are alike differ
// at their ends.
func Shorten(s string, columns int) string {
	r := []rune(s)
	if len(r) <= columns {
		return s
	}
	head := columns / 2
	return string(r[:head]) + "…" + string(r[len(r)-(columns-head-1):])
}
