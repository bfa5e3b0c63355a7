// Leasehold shows and repairs the leases that host-local keeps on this host: who holds an
// address, why a pool is full, what can be released, and whether the stores are intact. It
// moves a network from one kind of store to the other while plugins use it.
//
// It works on the stores of this project's host-local plugin and on the directories of the
// CNI project's plugin. Each command has a file in this package.
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

// newTool returns a tool with the standard streams, environment and clock of this process.
func newTool() *tool {
	return &tool{in: os.Stdin, out: os.Stdout, errs: os.Stderr, getenv: os.Getenv, now: time.Now, hostAddrs: lint.HostAddrs}
}

// interruptible returns a context that the first SIGINT or SIGTERM cancels, for commands that
// have to clean up. The second signal ends the process, as does any signal after stop.
func interruptible(ctx context.Context) (_ context.Context, stop func()) {
	ctx, stop = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
