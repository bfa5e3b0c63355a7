package security_test

import (
	"os"
	"strings"
	"testing"

	"github.com/containernetworking/cni/pkg/types"
	"github.com/stretchr/testify/require"
)

// Nothing that is no container ID, or no name of an interface, gets as far as a store.
func TestContainerIDsAndInterfaceNamesThatLeave(t *testing.T) {
	onBoth(t, func(n node) {
		n.add("other")
		for _, id := range []string{
			"", ".", "..", "../../etc/passwd", "/etc/passwd", "a/b", `a\b`, "a\nb", "a\r\neth0", "a\x1b[2J", " a", "a ", "é", "a\xff",
			"\uff0e\uff0e\u2215etc", "a\u202eb", ".leasehold", "-a", "$(id)", "a;b", strings.Repeat("a", 4097),
		} {
			for _, command := range []string{"ADD", "DEL", "CHECK"} {
				n.refuses(types.ErrInvalidEnvironmentVariables, command, pod(id), nil)
			}
		}
		for _, ifname := range []string{".", "..", "../x", "a/b", "a b", "a:b", "a\n", "a\x1bb", strings.Repeat("e", 16)} {
			n.refuses(types.ErrInvalidEnvironmentVariables, "ADD", attachment{id: "a", ifname: ifname}, nil)
		}
	})
}

// A container may be called like a file of the store: its ID is never a name of one.
func TestContainerIDsLikeFiles(t *testing.T) {
	onBoth(t, func(n node) {
		n.add("other")
		for _, id := range []string{
			"lock", "last_reserved_ip.0", "10.0.0.10", "10.0.0.12", "podnet.new", "leasehold-undo", "boot", "null", strings.Repeat("a", 4096),
		} {
			before := n.look()
			n.add(id)
			require.Contains(n, n.works("list", "--no-trunc"), id)
			require.Equal(n, before.without("podnet"), n.look().without("podnet"))
			_, err := n.plugin("DEL", pod(id), nil)
			require.NoError(n, err)
			status, text := n.tool("release", "podnet", "--container", id)
			require.Equal(n, 1, status)
			require.Contains(n, text, id+" holds nothing")
			require.Contains(n, n.works("who", "10.0.0.10"), "other")
		}
		require.Contains(n, n.works("verify"), "nothing is wrong")
	})
}

// leaving are names that no network has.
func leaving() []string {
	return []string{
		".", "..", "../outside", "../outside/file", "/etc", "a/b", `a\b`, ".leasehold", ".podnet.new", "pod\nnet", "podnet\n",
		"pod net", "\uff0e\uff0e", "po\u202ed", "pöd", "-rf", "*", "$(id)", "podnet\x00", "pod\x1b[2Jnet",
	}
}

func TestNetworkNamesThatLeave(t *testing.T) {
	onBoth(t, func(n node) {
		n.add("other")
		for _, name := range leaving() {
			for _, command := range []string{"ADD", "DEL", "GC", "STATUS"} {
				e := n.refuses(types.ErrInvalidNetworkConfig, command, pod("a"),
					map[string]any{"name": name, "cni.dev/valid-attachments": []any{}})
				require.Contains(n, e.Msg, "network name")
			}
		}
	})
}

func TestNetworkNamesThatLeaveTheTool(t *testing.T) {
	n := newNode(t, "")
	n.add("other")
	require.NoError(t, os.WriteFile(n.in("valid"), []byte("other\n"), 0o600))
	for _, name := range leaving() {
		if strings.Contains(name, "\x00") {
			continue // The system has no such argument.
		}
		for _, command := range []string{
			"list", "usage", "map", "why-full", "verify", "verify --repair", "gc --valid " + n.in("valid"), "migrate --to bolt",
			"export --to " + n.in("exported"), "metrics --to " + n.in("metrics"),
		} {
			n.toolRefuses("network name", append(strings.Fields(command), "--", name)...)
		}
		n.toolRefuses("network name", "release", "--", name, "10.0.0.10")
	}
}

// A network may be called like a file of another, or like what a store has while it is
// made. It is none the less a network of its own.
func TestNetworkNamesLikeFiles(t *testing.T) {
	onBoth(t, func(n node) {
		n.add("other")
		for _, name := range []string{
			"lock", "last_reserved_ip.0", "10.0.0.10", "podnet.new", "podnet.new-dir", "podnet.new-file", "podnet.next",
			"podnet.before-migration-20260101T000000.000Z", strings.Repeat("n", 200),
		} {
			before := n.look()
			_, err := n.plugin("ADD", pod("a"), map[string]any{"name": name})
			require.NoError(n, err)
			n.works("migrate", name, "--to", another(n.backend))
			n.works("migrate", "podnet", "--to", another(n.backend))
			n.works("migrate", "podnet", "--to", n.backend)
			require.Contains(n, n.works("list", name), " a ")
			n.works("release", name, "--container", "a")
			require.NoError(n, os.RemoveAll(n.store(name)))
			require.NoError(n, os.RemoveAll(n.store(".leasehold")))
			require.Equal(n, before.without("podnet"), n.look().without("podnet"))
			require.Contains(n, n.works("who", "10.0.0.10"), "other")
		}
	})
}

func another(backend string) string {
	if backend == "files" {
		return "bolt"
	}
	return "files"
}

func TestNamesTooLongForAFile(t *testing.T) {
	onBoth(t, func(n node) {
		for _, name := range []string{strings.Repeat("n", 256), strings.Repeat("n", 5000)} {
			e := n.refuses(types.ErrIOFailure, "ADD", pod("a"), map[string]any{"name": name})
			require.Contains(n, e.Msg, "file name too long")
		}
	})
}

// The data directory is where the configuration says, and nowhere else.
func TestDataDirs(t *testing.T) {
	onBoth(t, func(n node) {
		for given, made := range map[string]string{
			n.store() + "/../data/./x//":   "x",
			n.store("line\nbreak"):         "line\nbreak",
			n.store("\u202etxt"):           "\u202etxt",
			n.store("..."):                 "...",
			n.store("$(touch hacked)"):     "$(touch hacked)",
			n.store("a") + "/b/../../b/..": "",
		} {
			before := n.look()
			net := n.network().With("dataDir", given)
			_, err := net.Add("a")
			require.NoError(n, err, "%q", given)
			require.NotEqual(n, before, n.look())
			if made == "" {
				made = "podnet"
			}
			require.Equal(n, before, n.look().without(made), "%q", given)
		}
		for given, why := range map[string]string{
			n.store("nul\x00/x"):                  "invalid argument",
			n.store(strings.Repeat("d", 300)):     "file name too long",
			n.in(strings.Repeat("d/", 3000)):      "file name too long",
			n.outside():                           "not a directory",
			"/proc/self/no-directory-can-be-here": "no such file or directory",
		} {
			before := n.look()
			net := n.network().With("dataDir", given)
			_, err := net.Add("a")
			require.ErrorContains(n, err, why, "%q", given)
			require.EqualValues(n, types.ErrIOFailure, codeOf(err), "%q: %v", given, err)
			require.Equal(n, before, n.look(), "%q", given)
		}
	})
}
