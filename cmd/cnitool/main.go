// Cnitool attaches network namespaces to networks by hand, as a container runtime does: it
// finds the configuration of a network and runs ADD, CHECK or DEL of its plugins. It can
// also create a namespace, run a command in it, and remove everything afterwards.
//
// It accepts the arguments and environment of the CNI project's cnitool. Each command is in
// a file of its own.
package main

import (
	"context"
	"os"

	"github.com/leasehold/leasehold/internal/lint"
)

func main() { os.Exit(newTool().run(context.Background(), os.Args[1:])) }

// newTool returns a tool for this process.
func newTool() *tool {
	return &tool{in: os.Stdin, out: os.Stdout, errs: os.Stderr, getenv: os.Getenv, hostAddrs: lint.HostAddrs}
}
