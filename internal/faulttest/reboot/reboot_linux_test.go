package reboot

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
)

// A node is a network with the programs that use it.
type node struct {
	*testing.T
	faulttest.Network
	faulttest.Programs
}

// newNode returns a node that releases leases of earlier boots.
func newNode(t *testing.T, kind string) *node {
	t.Helper()
	n := faulttest.Network{Dir: faulttest.Dir(t), Backend: kind, Size: 5}
	return &node{t, n.With("onReboot", "release"), faulttest.Shared(t)}
}

// run runs a command that must succeed and returns its output.
func (n *node) run(v view, cmd *exec.Cmd) string {
	n.Helper()
	out, err := v.of(n.T, cmd).Output()
	require.NoError(n, err, "%s", out)
	return string(out)
}

func (n *node) add(v view, ids ...string) {
	n.Helper()
	for _, id := range ids {
		n.run(v, n.Command(n.HostLocal, "ADD", id, nil))
	}
}

func (n *node) tool(v view, args ...string) string {
	n.Helper()
	return n.run(v, n.Tool(n.Leasehold, args...))
}

// requireHeld requires that exactly these containers hold addresses.
func (n *node) requireHeld(ids ...string) {
	n.Helper()
	h, err := n.Verify(n.Context())
	require.NoError(n, err)
	for _, id := range ids {
		require.Contains(n, h, id)
	}
	require.Len(n, h, len(ids), "%v", h)
}

func kinds() []string { return []string{config.Bolt, config.Files} }

// A container that shares the host's data directory but sees another boot ID, or none,
// never releases the host's leases, nor the host its leases.
func TestContainerWithAnotherBootID(t *testing.T) {
	for _, kind := range kinds() {
		for name, seen := range map[string]func(*testing.T) view{
			"another ID": another, "no ID": func(*testing.T) view { return unreadable() }, "no text that is one": garbled,
		} {
			t.Run(kind+", "+name, func(t *testing.T) {
				n := newNode(t, kind)
				container := seen(t)
				n.add(host(), "a")
				n.add(container, "b")
				n.add(host(), "c")
				n.add(container, "d")
				n.requireHeld("a", "b", "c", "d")
			})
		}
	}
}

// A lease with another view's boot ID is not reported as one of an earlier boot.
func TestToolsWithAnotherBootID(t *testing.T) {
	n := newNode(t, config.Bolt)
	container := another(t)
	n.add(host(), "a")
	n.add(container, "b")
	require.Regexp(t, `\sa +eth0 +\S+ +this `, n.tool(host(), "list"))
	require.Regexp(t, `\sb +eth0 +\S+ +another `, n.tool(host(), "list"))
	require.Regexp(t, `\sa +eth0 +\S+ +another `, n.tool(container, "list"))
	full := n.tool(host(), "why-full", faulttest.Name)
	require.Contains(t, full, "1 with another boot ID, but not dated before this machine started")
	require.NotContains(t, full, "1 dated before")
	require.Contains(t, n.tool(container, "metrics"), `leasehold_leases_before_boot{network="podnet"} 0`)
}

// The clock is set forward in a boot in which leases were made under two IDs, by a host and a container: all
// are dated before the start of the boot then, and stay.
func TestClockIsSetForward(t *testing.T) {
	for _, kind := range kinds() {
		t.Run(kind, func(t *testing.T) {
			n := newNode(t, kind)
			n.Network = n.With("onReboot", "release")
			container := another(t)
			n.add(host().startedAgo(t, 20), "a")
			n.add(container.startedAgo(t, 20), "b")
			sleepPastClockResolution()
			n.add(container.startedAgo(t, 0), "c")
			n.add(host().startedAgo(t, 0), "d")
			n.requireHeld("a", "b", "c", "d")
		})
	}
}

// The first ADD after a reboot releases all leases, however they got into the store.
func TestReboot(t *testing.T) {
	nodes := make(map[string]*node)
	for _, kind := range kinds() {
		for name, before := range map[string]func(*node){
			"leased": func(*node) {},
			"leased by a container that sees another ID": func(n *node) { n.add(another(n.T), "c") },
			"leased without an ID":                       func(n *node) { n.add(unreadable(), "c") },
			"migrated":                                   func(n *node) { n.migrate() },
			"migrated in a container":                    func(n *node) { n.migrateIn(another(n.T)) },
			"migrated back and forth":                    func(n *node) { n.migrate(); n.migrate() },
			"imported":                                   (*node).reimport,
			"imported without a time": func(n *node) {
				n.importText(`{"leasehold":1,"network":"podnet"}
{"network":"podnet","address":"10.0.0.14","containerID":"c","ifname":"eth0","boot":"of another machine"}
{"end":"podnet","leases":1}
`)
			},
		} {
			n := newNode(t, kind)
			n.add(host(), "a", "b")
			n.Backend = ""
			before(n)
			nodes[kind+", "+name] = n
		}
	}
	sleepPastClockResolution()
	for name, n := range nodes {
		t.Run(name, func(t *testing.T) {
			n.T = t
			after := another(t).rebooted(t)
			require.Contains(t, n.tool(after, "why-full", faulttest.Name), " dated before this machine started")
			n.add(after, "new")
			n.requireHeld("new")
		})
	}
}

// A command after the reboot that makes the files of leases anew keeps them from the first ADD
// no more than the reboot alone, and that releases only what the configuration says.
func TestCommandsBeforeTheFirstADD(t *testing.T) {
	type command struct {
		name string
		run  func(*node, view)
		left []string // held after the first ADD, beside its own lease
	}
	commands := []command{
		{"migrate", (*node).migrateIn, nil},
		{"migrate back and forth", func(n *node, v view) { n.migrateIn(v); n.migrateIn(v) }, nil},
		{"repair", (*node).repair, nil},
		{"import", func(n *node, v view) { n.importTextIn(v, exported) }, []string{"c"}},
		{"import and migrate", func(n *node, v view) { n.importTextIn(v, exported); n.migrateIn(v) }, []string{"c"}},
		{"migrate and import", func(n *node, v view) { n.migrateIn(v); n.importTextIn(v, exported) }, []string{"c"}},
	}
	type before struct{ kind, policy string }
	nodes := make(map[before][]*node)
	for _, kind := range kinds() {
		for _, policy := range []string{"release", "keep"} {
			for _, c := range commands {
				n := newNode(t, kind)
				n.Network = n.With("onReboot", policy)
				n.add(host(), "a", "b")
				n.Backend = ""
				if c.name == "repair" {
					n.misname()
				}
				nodes[before{kind, policy}] = append(nodes[before{kind, policy}], n)
			}
		}
	}
	sleepPastClockResolution()
	for b, nodes := range nodes {
		for i, c := range commands {
			t.Run(b.kind+", "+b.policy+", "+c.name, func(t *testing.T) {
				n := nodes[i]
				n.T = t
				after := another(t).rebooted(t)
				c.run(n, after)
				n.add(after, "new")
				left := append([]string{"new"}, c.left...)
				if b.policy == "keep" {
					left = append(left, "a", "b")
				}
				n.requireHeld(left...)
			})
		}
	}
}

// A lease that was made before the configuration said to release is known to be of an earlier
// boot in a bolt store, and so after it was moved to files. In files it never was.
func TestMigrateAfterReboot(t *testing.T) {
	n := newNode(t, config.Bolt)
	n.Network = n.With("onReboot", "keep")
	n.add(host(), "a", "b")
	n.Network = n.With("onReboot", "release")
	n.Backend = ""
	sleepPastClockResolution()
	after := another(t).rebooted(t)
	n.migrateIn(after)
	require.Contains(t, n.tool(after, "why-full", faulttest.Name), "2 dated before this machine started: their containers are gone")
	n.add(after, "new")
	n.requireHeld("new")
}

// misname gives a lease file of a files store a name that stock does not give it, and does
// nothing to another store.
func (n *node) misname() {
	n.Helper()
	if info, err := os.Stat(n.Path()); err == nil && info.IsDir() {
		require.NoError(n, os.Rename(filepath.Join(n.Path(), "10.0.0.10"), filepath.Join(n.Path(), "::ffff:10.0.0.10")))
	}
}

// repair repairs what is wrong in the store, if anything is.
func (n *node) repair(v view) {
	n.Helper()
	out, err := v.of(n.T, n.Tool(n.Leasehold, "verify", faulttest.Name, "--repair")).CombinedOutput()
	require.NoError(n, err, "%s", out)
}

// exported has a lease of a container that was moved here from another machine.
const exported = `{"leasehold":1,"network":"podnet"}
{"network":"podnet","address":"10.0.0.14","containerID":"c","ifname":"eth0","since":"2026-01-02T03:04:05Z","boot":"of another machine"}
{"end":"podnet","leases":1}
`

func (n *node) migrate() { n.migrateIn(host()) }

func (n *node) migrateIn(v view) {
	n.Helper()
	to := config.Files
	if info, err := os.Stat(n.Path()); err == nil && info.IsDir() {
		to = config.Bolt
	}
	n.tool(v, "migrate", faulttest.Name, "--to", to)
}

// reimport exports the leases and imports them into a new store.
func (n *node) reimport() {
	n.Helper()
	text := n.tool(host(), "export", faulttest.Name)
	require.NoError(n, os.RemoveAll(n.Path()))
	n.importText(text)
}

func (n *node) importText(text string) {
	n.Helper()
	n.importTextIn(host(), text)
}

func (n *node) importTextIn(v view, text string) {
	n.Helper()
	path := filepath.Join(n.TempDir(), "leases.jsonl")
	require.NoError(n, os.WriteFile(path, []byte(text), 0o600))
	n.tool(v, "import", path)
}

// If the ID is the same after a reboot, or cannot be read, nothing is released, and the
// tools count leases by their time.
func TestRebootWithoutNewBootID(t *testing.T) {
	views := map[string]view{"the same ID": host(), "no ID": unreadable(), "no text that is one": garbled(t)}
	nodes := make(map[string]*node)
	for name := range views {
		for _, kind := range kinds() {
			n := newNode(t, kind)
			n.add(host(), "a", "b")
			nodes[name+" "+kind] = n
		}
	}
	sleepPastClockResolution()
	for name, seen := range views {
		after := seen.rebooted(t)
		for _, kind := range kinds() {
			n := nodes[name+" "+kind]
			n.add(after, "new")
			n.requireHeld("a", "b", "new")
			require.Contains(t, n.tool(after, "why-full", faulttest.Name), "2 dated before this machine started", name)
			require.Contains(t, n.tool(after, "metrics"), `leasehold_leases_before_boot{network="podnet"} 2`, name)
		}
	}
	sleepPastClockResolution()
	for _, n := range nodes {
		n.add(another(t).rebooted(t), "next")
		n.requireHeld("next")
	}
}
