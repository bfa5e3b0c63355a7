package manyhosts

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/cluster/internal/etcdtest"
)

// What is to be done in a recovery is said at each of its steps, also of hosts that the servers have forgotten.
func TestStepsOfARecovery(t *testing.T) {
	s := etcdtest.Start(t)
	w := newWorld(t, 3, s)
	a, b, c := w.hosts[0], w.hosts[1], w.hosts[2]
	for _, h := range w.hosts {
		h.does("", "attest", "net")
	}
	a.says("evict", "net", c.name, "--fenced")
	c.reboot()
	snapshot := s.Snapshot()
	c.does("", "rejoin", "net", "--drop")
	c.starts("stays", "10.0.0.33")
	s.Restore(snapshot)
	b.fails("the servers were restored from a backup", "attest", "net")

	const before = `host2 was evicted before: if it has joined again since, which the servers may have forgotten, run attest there, too
`
	a.does("the recovery of space net was not begun: begin it with leasehold cluster recover net --data-dir "+a.data+`
host0 is to report what it holds after that
host1 is to report what it holds after that
`+before, "recover", "net", "--dry-run")
	a.fails("its recovery was not begun", "recover", "net", "--done")
	a.does(`host0 has not reported what it holds: run attest there, or evict it
host1 has not reported what it holds: run attest there, or evict it
`+before, "recover", "net")
	_, stderr, _ := a.says("recover", "net", "--done")
	require.Contains(t, stderr, "leasehold-cluster: hosts have not reported what they hold, and were not evicted: host0, host1; "+
		"to see what each has to do, run: leasehold cluster recover --dry-run net")

	const reported = "the space is being recovered, and this host has reported what it holds\n"
	const done = "all hosts that the servers know have reported, or were evicted; if no other one is running, end the recovery with --done\n"
	a.does(reported, "attest", "net")
	b.does(reported, "attest", "net")
	a.does(before+done, "recover", "net", "--dry-run")
	c.does(reported, "attest", "net")
	a.does(done, "recover", "net", "--dry-run")
	a.does("space net is recovered\n", "recover", "net", "--done")
	out, _, _ := a.says("who", "net", "10.0.0.33")
	require.Contains(t, out, "host host2 holds 10.0.0.32-10.0.0.35")
	_, stderr, _ = a.says("recover", "net", "--dry-run")
	require.Contains(t, stderr, "leasehold-cluster: the space is not halted: net")
	for _, h := range w.hosts {
		h.does("", "verify", "net", "--local")
	}
	w.nothingTwice()
}

// In a recovery with servers that know no host, none is missing.
func TestRecoveryOfAnEarlyBackup(t *testing.T) {
	s := etcdtest.Start(t)
	w := newWorld(t, 1, s)
	a, snapshot := w.hosts[0], s.Snapshot()
	a.starts("stays", "10.0.0.9")
	s.Restore(snapshot)
	a.fails("the servers were restored from a backup", "attest", "net")
	a.does("the recovery of space net was not begun: begin it with leasehold cluster recover net --data-dir "+a.data+"\n", "recover", "net", "--dry-run")
	a.does("no host has reported what it holds: run attest on each that runs, and then end the recovery with --done\n", "recover", "net")
	a.does("the space is being recovered, and this host has reported what it holds\n", "attest", "net")
	a.does("all hosts that the servers know have reported, or were evicted; if no other one is running, end the recovery with --done\n", "recover", "net", "--dry-run")
	a.does("space net is recovered\n", "recover", "net", "--done")
	a.does("", "verify", "net", "--local")
}
