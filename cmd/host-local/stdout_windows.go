package main

import (
	"io"
	"os"
)

// stdout returns standard output; Windows has no SIGPIPE.
func stdout() io.Writer { return os.Stdout }

// abandoned returns false: on Windows the plugin has no way to ask whether the reader of its
// output has exited.
func abandoned() bool { return false }
