package config

import (
	"errors"
	"fmt"
)

// Kinds of errors, for errors.Is.
var (
	// ErrDecode: the configuration is not JSON, or a value in it has the
	// wrong JSON type. CNI's code for it is 6.
	ErrDecode = errors.New("configuration cannot be decoded")

	// ErrInvalid: the configuration says something that cannot be used.
	// CNI's code for it is 7.
	ErrInvalid = errors.New("configuration is not valid")

	// ErrNoRanges is an ErrInvalid: there is not one range. Where a runtime, or
	// another plugin, adds the ranges, nothing is wrong.
	ErrNoRanges = fmt.Errorf("%w: no ranges", ErrInvalid)

	// ErrArgs: the variable CNI_ARGS cannot be used. CNI's code for it is 4.
	ErrArgs = errors.New("CNI_ARGS is not valid")
)

// An Error says what is wrong with the input and what to do about it.
type Error struct {
	Kind   error  // ErrDecode, ErrInvalid, ErrNoRanges or ErrArgs
	Text   string // what is wrong; names the key and the value
	Advice string // the next step
}

// Error returns the text and the advice.
func (e *Error) Error() string { return e.Text + "; " + e.Advice }

// Unwrap returns the kind.
func (e *Error) Unwrap() error { return e.Kind }

func invalid(advice, format string, args ...any) error {
	return &Error{Kind: ErrInvalid, Text: fmt.Sprintf(format, args...), Advice: advice}
}

func invalidArgs(advice, format string, args ...any) error {
	return &Error{Kind: ErrArgs, Text: fmt.Sprintf(format, args...), Advice: advice}
}
