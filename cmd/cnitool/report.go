package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/containernetworking/cni/pkg/types"

	"github.com/leasehold/leasehold/internal/cli"
)

// Exit statuses. They tell scripts whether the command line, the configuration or a plugin
// is at fault.
const (
	statusOK     = 0
	statusNo     = 1 // a plugin returned an error, or a problem was found
	statusUsage  = 2 // the command line is wrong, or any other error
	statusConfig = 3
	statusPlugin = 4 // it is missing, or did not answer
)

// A failure is an error with its exit status.
type failure struct {
	error
	status int
}

func (f failure) Unwrap() error { return f.error }

func usageError(err error) error  { return failure{err, statusUsage} }
func configError(err error) error { return failure{err, statusConfig} }
func pluginError(err error) error { return failure{err, statusPlugin} }

// report prints an error and returns the exit status.
func (t *tool) report(err error) int {
	switch {
	case err == nil:
		return statusOK
	case errors.Is(err, cli.ErrNo):
		return statusNo
	}
	var f failure
	if !errors.Is(err, errCommand) || errors.As(err, new(*types.Error)) {
		t.write(err)
	}
	if errors.As(err, &f) {
		return f.status
	}
	switch answer := pluginErrorIn(err); {
	case answer == nil:
		return statusUsage
	case answer.Code == 0:
		return statusPlugin
	}
	return statusNo
}

// pluginErrorIn returns the error that a plugin returned, or nil. An error with code 0 was
// made by libcni from output that is not a CNI error.
func pluginErrorIn(err error) *types.Error {
	var e *types.Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// write prints an error as text, and as JSON if --output json is set.
func (t *tool) write(err error) {
	text := err.Error()
	answer := pluginErrorIn(err)
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
