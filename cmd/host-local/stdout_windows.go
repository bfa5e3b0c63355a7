package main

import (
	"io"
	"os"
)

// stdout returns standard output; Windows has no SIGPIPE.
func stdout() io.Writer { return os.Stdout }

// abandoned is not implemented on Windows.
func abandoned() bool { return false }
