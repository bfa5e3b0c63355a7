// Host-local is a CNI IPAM plugin: it leases IP addresses to containers from
// ranges that the network configuration names, and keeps the leases on this host.
//
// It is meant to take the place of the CNI project's plugin of the same name. The
// README says how; package internal/hostlocal is the plugin.
package main

import (
	"os"
	"runtime/debug"

	"github.com/leasehold/leasehold/internal/hostlocal"
)

func main() {
	plugin := hostlocal.Plugin{
		Getenv:    os.Getenv,
		Stdin:     os.Stdin,
		Stdout:    stdout(),
		Stderr:    os.Stderr,
		Version:   version,
		Abandoned: abandoned,
	}
	os.Exit(plugin.Run())
}

// version returns what the build says of itself.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
