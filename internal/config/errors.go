package config

import (
	"errors"
	"fmt"

	"github.com/leasehold/leasehold/internal/sentinel"
)

// Kinds of errors, for errors.Is.
var (
	// ErrDecode: the configuration is not JSON, or a value has the wrong JSON type. Its CNI
	// error code is 6.
	ErrDecode = errors.New("configuration cannot be decoded")

	// ErrInvalid: the configuration has an unusable value. Its CNI error code is 7.
	ErrInvalid = errors.New("configuration is not valid")

	// ErrNoRanges is an ErrInvalid: there are no ranges. This is correct where a runtime or
	// another plugin adds the ranges.
	ErrNoRanges = sentinel.Kind(ErrInvalid, "no ranges")

	// ErrArgs: the variable CNI_ARGS is invalid. Its CNI error code is 4.
	ErrArgs = errors.New("CNI_ARGS is not valid")
)

// An Error is a problem of the input and its solution.
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
