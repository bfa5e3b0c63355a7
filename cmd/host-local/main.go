// Host-local is a CNI IPAM plugin: it leases IP addresses to containers from the ranges in
// the network configuration, and keeps the leases on this host.
//
// It replaces the CNI project's plugin of the same name. See the README for its use;
// package internal/hostlocal implements it.
package main

import (
	"os"
	"runtime/debug"

	"github.com/leasehold/leasehold/internal/hostlocal"
	"github.com/leasehold/leasehold/internal/neighbour"
)

func main() {
	plugin := hostlocal.Plugin{
		Getenv:    os.Getenv,
		Stdin:     os.Stdin,
		Stdout:    stdout(),
		Stderr:    os.Stderr,
		Version:   version,
		Neighbour: neighbour.New(os.Getenv, os.Environ),
		Abandoned: abandoned,
	}
	os.Exit(plugin.Run())
}

// version returns the version recorded in the build.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
