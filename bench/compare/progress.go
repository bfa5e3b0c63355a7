package main

import (
	"fmt"
	"os"
)

// A progress is a line on a terminal that says what is being done.
type progress struct {
	out *os.File // nil: not a terminal
}

func newProgress(f *os.File) progress {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return progress{}
	}
	return progress{f}
}

// printf replaces the line.
func (p progress) printf(format string, args ...any) {
	if p.out != nil {
		fmt.Fprintf(p.out, "\r\x1b[K"+format, args...)
	}
}

func (p progress) clear() { p.printf("") }
