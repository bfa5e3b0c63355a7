package cli

import (
	"errors"
	"io"
)

// An Output is the standard output of a program. It remembers the first error of a write, which [Execute]
// returns, so what prints a line need not look at each error.
type Output struct {
	w   io.Writer
	err error
}

// NewOutput returns an output to w.
func NewOutput(w io.Writer) *Output { return &Output{w: w} }

// Write writes to the stream.
func (o *Output) Write(b []byte) (int, error) {
	n, err := o.w.Write(b)
	if o.err == nil {
		o.err = err
	}
	return n, err
}

// failed returns the error of a command. An answer that was not delivered is an error, whether it was no
// or not; other errors are printed elsewhere, and say more.
func (o *Output) failed(err error) error {
	if o.err != nil && (err == nil || errors.Is(err, ErrNo)) {
		return o.err
	}
	return err
}

// Stream returns the stream that an [Output] writes to, which a program that is executed can have, and
// which can be a terminal. It returns any other stream as it is.
func Stream(w io.Writer) io.Writer {
	if o, ok := w.(*Output); ok {
		return Stream(o.w)
	}
	return w
}
