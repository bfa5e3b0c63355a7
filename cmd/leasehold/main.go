// Leasehold shows and mends the leases that host-local keeps on this host: who holds
// an address, why a pool is full, what can be released, and whether the stores are
// sound. It moves a network from one kind of store to the other while plugins use
// it.
//
// It works on the stores of this project's host-local plugin, and on the directories
// of the CNI project's. Each command is a file of this package.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/leasehold/leasehold/internal/lint"
)

func main() { os.Exit(newTool().run(context.Background(), os.Args[1:])) }

// newTool returns the tool of a process.
func newTool() *tool {
	return &tool{in: os.Stdin, out: os.Stdout, errs: os.Stderr, getenv: os.Getenv, now: time.Now, hostAddrs: lint.HostAddrs}
}

// interruptible returns a context that the first signal to end cancels, for commands
// that have something to clean up. The second one ends the process, and so does every one
// after stop.
func interruptible(ctx context.Context) (_ context.Context, stop func()) {
	ctx, stop = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
