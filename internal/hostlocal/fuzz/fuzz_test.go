package fuzz_test

import (
	"bytes"
	"io"
	"net/netip"
	"testing"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/hostlocal"
)

// FuzzPlugin executes the plugin in a directory tree in which the path of the store may
// already be occupied, and checks that
//
//   - it does not panic, and writes nothing, a CNI result or a CNI error;
//   - it touches only the store of the network, in its data directory;
//   - read-only and rejected commands write nothing;
//   - a failed ADD changes no lease; a successful one leases exactly what
//     its result says, and a DEL releases it;
//   - no other attachment loses a lease, except to a GC that does not list it.
func FuzzPlugin(f *testing.F) {
	const conf = `{"cniVersion": "1.1.0", "name": "net", "ipam": {"type": "host-local", "dataDir": "DATA", "subnet": "10.1.2.0/29"}}`
	f.Add("ADD", "pod", "eth0", "/run/netns/pod", "", empty, []byte(conf))
	f.Add("DEL", "other", "eth0", "", "", filesStore, []byte(conf))
	f.Add("DEL", "other", "eth0", "", "", boltStore, []byte(conf))
	f.Fuzz(func(t *testing.T, command, id, ifname, netns, args string, standing byte, stdin []byte) {
		in := input{command: command, owner: backend.Owner{ContainerID: id, IfName: ifname}, netns: netns, args: args}
		w := newWorld(t)
		defer w.end()
		if !w.confine(&in, stdin) {
			return
		}
		w.occupy(in.network, standing%kinds)
		before := w.look(in.network)
		out, failed := in.execute()
		after := w.look(in.network)

		code := checkAnswer(t, in, out, failed)
		checkTouched(t, w, in, code, before, after)
		checkLeases(t, in, failed, before.leases, after.leases)
		if in.command == "ADD" && !failed {
			checkAdded(t, in, out, after.leases)
			checkGivenBack(t, w, in, before.leases)
		}
	})
}

// An input has the inputs of one execution.
type input struct {
	command     string
	owner       backend.Owner
	netns, args string
	stdin       []byte

	network config.Network // of stdin; zero if none
}

// attachment returns the owner as the plugin parses it.
func (in input) attachment() backend.Owner {
	o := in.owner
	if o.IfName == "" {
		o.IfName = "eth0"
	}
	return o
}

// looksOnly reports whether the command is read-only.
func (in input) looksOnly() bool {
	return in.command != "ADD" && in.command != "DEL" && in.command != "GC"
}

func (in input) execute() (out []byte, failed bool) {
	env := map[string]string{
		"CNI_COMMAND": in.command, "CNI_CONTAINERID": in.owner.ContainerID, "CNI_IFNAME": in.owner.IfName,
		"CNI_NETNS": in.netns, "CNI_ARGS": in.args,
	}
	var stdout bytes.Buffer
	p := hostlocal.Plugin{
		Getenv: func(name string) string { return env[name] },
		Stdin:  bytes.NewReader(in.stdin), Stdout: &stdout, Stderr: io.Discard,
		Version: func() string { return "test" },
	}
	failed = p.Run() != 0
	return stdout.Bytes(), failed
}

// leases are the leases of a network; nil if they cannot be read.
type leases map[netip.Addr]backend.Owner
