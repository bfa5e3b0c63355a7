package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/containernetworking/cni/pkg/types"

	"github.com/leasehold/leasehold/internal/cli"
)

// Exit statuses. Scripts can tell who is to blame.
const (
	statusOK     = 0
	statusNo     = 1 // a plugin answered with an error, or something was found
	statusUsage  = 2 // the command line is wrong, or whatever else
	statusConfig = 3
	statusPlugin = 4 // it is not there, or did not answer
)

// errNo ends a command whose answer, which it has printed, is no.
var errNo = errors.New("no")

// A failure is an error with the status that the program is to exit with.
type failure struct {
	error
	status int
}

func (f failure) Unwrap() error { return f.error }

func usageError(err error) error  { return failure{err, statusUsage} }
func configError(err error) error { return failure{err, statusConfig} }
func pluginError(err error) error { return failure{err, statusPlugin} }

// report writes an error and returns the exit status.
func (t *tool) report(err error) int {
	switch {
	case err == nil:
		return statusOK
	case errors.Is(err, errNo):
		return statusNo
	}
	var f failure
	if !errors.Is(err, errCommand) || errors.As(err, new(*types.Error)) {
		t.write(err)
	}
	if errors.As(err, &f) {
		return f.status
	}
	switch answer := answerIn(err); {
	case answer == nil:
		return statusUsage
	case answer.Code == 0:
		return statusPlugin
	}
	return statusNo
}

// answerIn returns the error that a plugin answered, or nil. One without a code is made
// by libcni of whatever a plugin wrote.
func answerIn(err error) *types.Error {
	var e *types.Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// write writes an error for people and, where JSON was asked for, as that.
func (t *tool) write(err error) {
	text := err.Error()
	answer := answerIn(err)
	if answer != nil && answer.Code != 0 {
		text = strings.TrimSuffix(text, "; "+answer.Details)
		text = fmt.Sprintf("%s (code %d)", text, answer.Code)
		if answer.Details != "" {
			text += "\ndetails: " + answer.Details
		}
	}
	fmt.Fprintf(t.errs, "cnitool: %s\n", cli.PrintableLines(text))
	if t.output != "json" {
		return
	}
	if answer == nil {
		answer = types.NewError(types.ErrInternal, err.Error(), "")
	}
	if err := cli.WriteJSON(t.out, answer); err != nil {
		fmt.Fprintf(t.errs, "cnitool: write to standard output: %v\n", err)
	}
}
