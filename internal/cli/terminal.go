package cli

import (
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// IsTerminal reports whether a stream is a terminal.
func IsTerminal(stream any) bool {
	f, ok := file(stream)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Width returns the number of columns of a terminal; 0 if stream is not a terminal, or does
// not tell.
func Width(stream any) int {
	f, ok := file(stream)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

func file(stream any) (*os.File, bool) {
	if o, ok := stream.(*Output); ok {
		stream = Stream(o)
	}
	f, ok := stream.(*os.File)
	return f, ok
}

// Widest returns the number of columns of the longest line of a text.
func Widest(text string) (n int) {
	for line := range strings.Lines(text) {
		n = max(n, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")))
	}
	return n
}

// Shorten cuts the middle out of a text longer than columns, because similar names differ
// at their ends.
func Shorten(s string, columns int) string {
	r := []rune(s)
	if len(r) <= columns {
		return s
	}
	head := columns / 2
	return string(r[:head]) + "…" + string(r[len(r)-(columns-head-1):])
}
