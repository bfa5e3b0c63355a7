// Cnitool attaches network namespaces to networks by hand, as a container runtime does:
// it finds the configuration of a network, and has its plugins add, check, delete. It
// can also make the namespace, run a command in it, and take everything down again.
//
// It takes the arguments and the environment of the CNI project's program of that name.
// Each command is a file of this package.
package main

import (
	"context"
	"os"

	"github.com/leasehold/leasehold/internal/lint"
)

func main() { os.Exit(newTool().run(context.Background(), os.Args[1:])) }

// newTool returns the tool of a process.
func newTool() *tool {
	return &tool{in: os.Stdin, out: os.Stdout, errs: os.Stderr, getenv: os.Getenv, hostAddrs: lint.HostAddrs}
}
