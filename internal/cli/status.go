package cli

import "errors"

// Exit statuses of leasehold, and of leasehold-cluster, whose status leasehold passes on. They let
// scripts distinguish a negative answer from an error.
const (
	StatusOK    = 0
	StatusNo    = 1 // the answer is no, or a problem was found
	StatusError = 2
)

// ErrNo ends a command that has printed a negative answer.
var ErrNo = errors.New("no")
