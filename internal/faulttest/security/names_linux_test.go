package security_test

import (
	"os"
	"strings"
	"testing"

	"github.com/containernetworking/cni/pkg/types"
	"github.com/stretchr/testify/require"
)

// An invalid container ID or interface name never reaches a store.
func TestContainerIDsAndInterfaceNamesThatLeave(t *testing.T) {
	forEachStore(t, func(n node) {
		n.add("other")
		for _, id := range []string{
			"", ".", "..", "../../etc/passwd", "/etc/passwd", "a/b", `a\b`, "a\nb", "a\r\neth0", "a\x1b[2J", " a", "a ", "é", "a\xff",
			"\uff0e\uff0e\u2215etc", "a\u202eb", ".leasehold", "-a", "$(id)", "a;b", strings.Repeat("a", 4097),
		} {
			for _, command := range []string{"ADD", "DEL", "CHECK"} {
				n.rejects(types.ErrInvalidEnvironmentVariables, command, pod(id), nil)
			}
		}
		for _, ifname := range []string{".", "..", "../x", "a/b", "a b", "a:b", "a\n", "a\x1bb", strings.Repeat("e", 16)} {
			n.rejects(types.ErrInvalidEnvironmentVariables, "ADD", attachment{id: "a", ifname: ifname}, nil)
		}
	})
}

// A container may have the name of a file of the store: its ID is never used as a file
// name.
func TestContainerIDsLikeFiles(t *testing.T) {
	forEachStore(t, func(n node) {
		n.add("other")
		for _, id := range []string{
			"lock", "last_reserved_ip.0", "10.0.0.10", "10.0.0.12", "podnet.new", "leasehold-undo", "boot", "null", strings.Repeat("a", 4096),
		} {
			before := n.snapshot()
			n.add(id)
			require.Contains(n, n.mustTool("list", "--no-trunc"), id)
			require.Equal(n, before.without("podnet"), n.snapshot().without("podnet"))
			_, err := n.plugin("DEL", pod(id), nil)
			require.NoError(n, err)
			status, text := n.tool("release", "podnet", "--container", id)
			require.Equal(n, 1, status)
			require.Contains(n, text, id+" holds nothing")
			require.Contains(n, n.mustTool("who", "10.0.0.10"), "other")
		}
		require.Contains(n, n.mustTool("verify"), "nothing is wrong")
	})
}

// escapingNames are invalid network names.
func escapingNames() []string {
	return []string{
		".", "..", "../outside", "../outside/file", "/etc", "a/b", `a\b`, ".leasehold", ".podnet.new", "pod\nnet", "podnet\n",
		"pod net", "\uff0e\uff0e", "po\u202ed", "pöd", "-rf", "*", "$(id)", "podnet\x00", "pod\x1b[2Jnet",
	}
}

func TestNetworkNamesThatLeave(t *testing.T) {
	forEachStore(t, func(n node) {
		n.add("other")
		for _, name := range escapingNames() {
			for _, command := range []string{"ADD", "DEL", "GC", "STATUS"} {
				e := n.rejects(types.ErrInvalidNetworkConfig, command, pod("a"),
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
	for _, name := range escapingNames() {
		if strings.Contains(name, "\x00") {
			continue // A NUL cannot be in an argument.
		}
		for _, command := range []string{
			"list", "usage", "map", "why-full", "verify", "verify --repair", "gc --valid " + n.in("valid"), "migrate --to bolt",
			"export --to " + n.in("exported"), "metrics --to " + n.in("metrics"),
		} {
			n.toolRejects("network name", append(strings.Fields(command), "--", name)...)
		}
		n.toolRejects("network name", "release", "--", name, "10.0.0.10")
	}
}

// A network may have the name of another network's file, or of a temporary file. It is
// still a separate network.
func TestNetworkNamesLikeFiles(t *testing.T) {
	forEachStore(t, func(n node) {
		n.add("other")
		for _, name := range []string{
			"lock", "last_reserved_ip.0", "10.0.0.10", "podnet.new", "podnet.new-dir", "podnet.new-file", "podnet.next",
			"podnet.before-migration-20260101T000000.000Z", strings.Repeat("n", 200),
		} {
			before := n.snapshot()
			_, err := n.plugin("ADD", pod("a"), map[string]any{"name": name})
			require.NoError(n, err)
			n.mustTool("migrate", name, "--to", another(n.backend))
			n.mustTool("migrate", "podnet", "--to", another(n.backend))
			n.mustTool("migrate", "podnet", "--to", n.backend)
			require.Contains(n, n.mustTool("list", name), " a ")
			n.mustTool("release", name, "--container", "a")
			require.NoError(n, os.RemoveAll(n.store(name)))
			require.NoError(n, os.RemoveAll(n.store(".leasehold")))
			require.Equal(n, before.without("podnet"), n.snapshot().without("podnet"))
			require.Contains(n, n.mustTool("who", "10.0.0.10"), "other")
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
	forEachStore(t, func(n node) {
		for _, name := range []string{strings.Repeat("n", 256), strings.Repeat("n", 5000)} {
			e := n.rejects(types.ErrIOFailure, "ADD", pod("a"), map[string]any{"name": name})
			require.Contains(n, e.Msg, "file name too long")
		}
	})
}

// The data directory is exactly the configured path.
func TestDataDirs(t *testing.T) {
	forEachStore(t, func(n node) {
		for given, made := range map[string]string{
			n.store() + "/../data/./x//":   "x",
			n.store("line\nbreak"):         "line\nbreak",
			n.store("\u202etxt"):           "\u202etxt",
			n.store("..."):                 "...",
			n.store("$(touch hacked)"):     "$(touch hacked)",
			n.store("a") + "/b/../../b/..": "",
		} {
			before := n.snapshot()
			net := n.network().With("dataDir", given)
			_, err := net.Add("a")
			require.NoError(n, err, "%q", given)
			require.NotEqual(n, before, n.snapshot())
			if made == "" {
				made = "podnet"
			}
			require.Equal(n, before, n.snapshot().without(made), "%q", given)
		}
		for given, why := range map[string]string{
			n.store("nul\x00/x"):                  "invalid argument",
			n.store(strings.Repeat("d", 300)):     "file name too long",
			n.in(strings.Repeat("d/", 3000)):      "file name too long",
			n.outside():                           "not a directory",
			"/proc/self/no-directory-can-be-here": "no such file or directory",
		} {
			before := n.snapshot()
			net := n.network().With("dataDir", given)
			_, err := net.Add("a")
			require.ErrorContains(n, err, why, "%q", given)
			require.EqualValues(n, types.ErrIOFailure, codeOf(err), "%q: %v", given, err)
			require.Equal(n, before, n.snapshot(), "%q", given)
		}
	})
}
