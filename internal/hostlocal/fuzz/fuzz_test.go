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

// FuzzPlugin executes the plugin in a world of its own, in which something may stand in
// the place of the store already, and holds that
//
//   - it does not panic, and answers with nothing, a result or an error of CNI;
//   - nothing is touched but the store of the network, in its data directory;
//   - what only looks, or refuses what it was given, writes nothing;
//   - an ADD that fails leaves the leases as they were, and one that works leases what
//     it says, all of which a DEL gives back;
//   - nobody else loses a lease, except to a GC that does not list him.
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
		w.stand(in.network, standing%kinds)
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

// An input is what one execution of the plugin gets.
type input struct {
	command     string
	owner       backend.Owner
	netns, args string
	stdin       []byte

	network config.Network // that stdin is about; zero if about none
}

// attachment returns the owner as the plugin takes it.
func (in input) attachment() backend.Owner {
	o := in.owner
	if o.IfName == "" {
		o.IfName = "eth0"
	}
	return o
}

// looksOnly reports whether the command is one that writes nothing.
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

// leases are those of a network; nil where they cannot be read.
type leases map[netip.Addr]backend.Owner
