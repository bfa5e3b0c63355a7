package security_test

import (
	"os"
	"testing"

	"github.com/containernetworking/cni/pkg/types"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/internal/hostlocal"
)

// link makes a symbolic link in the data directory to the file outside, or to nothing.
func (n node) link(target string, elements ...string) {
	n.Helper()
	require.NoError(n, os.Symlink(target, n.store(elements...)))
}

// targets are what links lead to: a file that can be written, and one that would be
// made.
func (n node) targets() []string { return []string{n.outside(), n.in("outside", "made")} }

func TestLinkInThePlaceOfTheStore(t *testing.T) {
	onBoth(t, func(n node) {
		for _, target := range n.targets() {
			n.link(target, "podnet")
			for _, command := range []string{"ADD", "DEL", "CHECK", "GC"} {
				n.refuses(hostlocal.CodeMismatch, command, pod("a"), map[string]any{"cni.dev/valid-attachments": []any{}})
			}
			for _, args := range [][]string{
				{"list", "podnet"}, {"metrics", "podnet"}, {"verify", "podnet"}, {"verify", "--repair", "podnet"}, {"release", "podnet", "10.0.0.10"},
				{"migrate", "podnet", "--to", "bolt"}, {"export", "podnet", "--to", n.in("exported")},
			} {
				n.toolRefuses(n.store("podnet")+": ", args...)
			}
			require.NoError(n, os.Remove(n.store("podnet")))
		}
	})
}

// A link to a directory is followed, because the stock plugin does so, and whoever can
// make one in the data directory can as well remove the leases. A migration refuses.
func TestLinkToADirectoryIsFollowed(t *testing.T) {
	n := newNode(t, "files")
	require.NoError(t, os.Mkdir(n.in("elsewhere"), 0o755))
	n.link(n.in("elsewhere"), "podnet")
	n.add("a")
	require.FileExists(t, n.in("elsewhere", "10.0.0.10"))
	n.toolRefuses("symbolic link", "migrate", "podnet", "--to", "bolt")
}

func TestLinkInThePlaceOfANewBoltStore(t *testing.T) {
	for _, target := range newNode(t, "bolt").targets() {
		n := newNode(t, "bolt")
		n.link(target, ".podnet.new")
		e := n.refuses(hostlocal.CodeMismatch, "ADD", pod("a"), nil)
		require.Contains(t, e.Msg, n.store(".podnet.new")+": ")
	}
}

func TestLinksWithinAFilesStore(t *testing.T) {
	for i := range 2 {
		n := newNode(t, "files")
		n.add("other")
		target := n.targets()[i]
		require.NoError(t, os.Remove(n.store("podnet", "last_reserved_ip.0")))
		for _, name := range []string{"last_reserved_ip.0", "10.0.0.11", "last_reserved_ip..leasehold-boot", ".leasehold-boot", ".leasehold-new.10.0.0.12"} {
			n.link(target, "podnet", name)
		}
		before := n.look()
		n.add("a")
		require.FileExists(t, n.store("podnet", "10.0.0.12"), "what a link stands for is taken")
		n.tool("release", "podnet", "10.0.0.11")
		n.tool("verify", "--repair", "podnet")
		_, err := n.plugin("GC", attachment{}, map[string]any{"cni.dev/valid-attachments": []any{}})
		require.Error(t, err, "the link is left to the administrator")
		require.Equal(t, before.without("podnet"), n.look().without("podnet"))

		require.NoError(t, os.Remove(n.store("podnet", "lock")))
		n.link(target, "podnet", "lock")
		for _, command := range []string{"ADD", "CHECK"} {
			e := n.refuses(types.ErrIOFailure, command, pod("b"), nil)
			require.Contains(t, e.Msg, n.store("podnet", "lock")+": too many levels of symbolic links")
		}
		require.NoError(t, os.Remove(n.store("podnet", "lock")))
		for _, name := range []string{".leasehold-undo", "last_reserved_ip..leasehold-undo"} {
			n.link(target, "podnet", name)
			_, err = n.plugin("ADD", pod("b"), nil)
			require.EqualValues(t, types.ErrIOFailure, codeOf(err))
			require.NoError(t, os.Remove(n.store("podnet", name)))
		}
		require.Equal(t, before.without("podnet"), n.look().without("podnet"))
	}
}

// What the directory for what is not in use is a link to is not ours to move, or to
// remove.
func TestLinkInThePlaceOfTheDirectoryBeside(t *testing.T) {
	onBoth(t, func(n node) {
		for _, name := range []string{"podnet.new-dir", "podnet.before-migration-20260101T000000.000Z.next"} {
			require.NoError(n, os.WriteFile(n.in("outside", name), []byte("precious"), 0o600))
		}
		n.link(n.in("outside"), ".leasehold")
		n.refuses(types.ErrIOFailure, "ADD", pod("a"), nil)
		require.NoError(n, os.Remove(n.store(".leasehold")))
		n.add("other")
		n.works("export", "--to", n.in("exported"))
		n.link(n.in("outside"), ".leasehold")
		n.toolRefuses(".leasehold: it is not a directory", "migrate", "podnet", "--to", another(n.backend))
		if n.damage(); n.backend == "bolt" {
			n.toolRefuses(".leasehold: it is not a directory", "verify", "--repair", "--accept-loss", "podnet")
		}
		require.NoError(n, os.RemoveAll(n.store("podnet")))
		n.toolRefuses(".leasehold: it is not a directory", "import", n.in("exported"))
	})
}

func TestLinksWithinTheDirectoryBeside(t *testing.T) {
	onBoth(t, func(n node) {
		for _, target := range n.targets() {
			n.add("other")
			require.NoError(n, os.Mkdir(n.store(".leasehold"), 0o700))
			n.link(target, ".leasehold", "lock")
			n.toolRefuses("lock: too many levels of symbolic links", "migrate", "podnet", "--to", another(n.backend))
			require.NoError(n, os.Remove(n.store(".leasehold", "lock")))
			require.NoError(n, os.WriteFile(n.store(".leasehold", "lock"), nil, 0o600))
			n.link(target, ".leasehold", "podnet.lock")
			n.toolRefuses("podnet.lock: too many levels of symbolic links", "migrate", "podnet", "--to", another(n.backend))
			require.NoError(n, os.Remove(n.store(".leasehold", "podnet.lock")))

			for _, name := range []string{"podnet.new-dir", "podnet.new-file"} {
				n.link(target, ".leasehold", name)
				before := n.look()
				n.works("migrate", "podnet", "--to", another(n.backend))
				require.Equal(n, before.without("podnet", ".leasehold"), n.look().without("podnet", ".leasehold"))
				n.works("migrate", "podnet", "--to", n.backend)
			}
			require.NoError(n, os.RemoveAll(n.store()))
		}
	})
}

// A file that is named is made, or replaced: what a link in its place leads to stays.
func TestLinkInThePlaceOfWhatIsWritten(t *testing.T) {
	onBoth(t, func(n node) {
		n.add("other")
		for _, target := range n.targets() {
			n.link(target, "..", "written")
			n.toolRefuses("file exists", "export", "--to", n.in("written"))
			before := n.look()
			n.works("metrics", "--to", n.in("written"))
			after := n.look()
			require.Contains(n, after["/written"], "leasehold_up")
			delete(before, "/written")
			delete(after, "/written")
			require.Equal(n, before, after)
			require.NoError(n, os.Remove(n.in("written")))
		}
	})
}

// To open a FIFO would take until somebody writes to it.
func TestNothingWaitsForAFIFO(t *testing.T) {
	onBoth(t, func(n node) {
		for _, name := range []string{"podnet", ".podnet.new"} {
			require.NoError(n, unix.Mkfifo(n.store(name), 0o666))
			_, err := n.plugin("ADD", pod("a"), nil)
			if n.backend == "bolt" || name == "podnet" {
				require.EqualValues(n, hostlocal.CodeMismatch, codeOf(err), "%s: %v", name, err)
			}
			require.NoError(n, os.Remove(n.store(name)))
		}
	})
	n := newNode(t, "files")
	n.add("other")
	require.NoError(t, os.Remove(n.store("podnet", "last_reserved_ip.0")))
	for _, name := range []string{"10.0.0.12", "last_reserved_ip.0", ".leasehold-boot", "last_reserved_ip..leasehold-boot"} {
		require.NoError(t, unix.Mkfifo(n.store("podnet", name), 0o666))
	}
	n.add("a")
	require.Contains(t, n.works("list"), "(named pipe)")
	n.tool("verify", "--repair", "podnet")
	_, err := n.plugin("DEL", pod("a"), nil)
	require.NoError(t, err)
}
