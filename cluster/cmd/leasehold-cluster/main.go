// Leasehold-cluster speaks with the servers of etcd through which hosts share the addresses of a
// network. The plugin host-local executes it when this host has no free address in hand; operators
// use it through the tool leasehold.
//
// It is a program of its own, so that neither the plugin nor the tool links a client of etcd.
package main

import (
	"context"
	"os"

	"github.com/leasehold/leasehold/internal/neighbour"
)

func main() { os.Exit(newTool().run(context.Background(), os.Args[1:])) }

// newTool returns a tool with the standard streams and the environment of this process.
func newTool() *tool {
	return &tool{in: os.Stdin, out: os.Stdout, errs: os.Stderr, getenv: os.Getenv, socket: neighbour.DefaultSocket}
}
