package security_test

import (
	"os"
	"testing"

	"github.com/containernetworking/cni/pkg/types"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/internal/hostlocal"
)

// link creates a symbolic link in the data directory.
func (n node) link(target string, elements ...string) {
	n.Helper()
	require.NoError(n, os.Symlink(target, n.store(elements...)))
}

// targets are the targets of links: an existing file outside, and one that could be created
// there.
func (n node) targets() []string { return []string{n.outside(), n.in("outside", "made")} }

func TestLinkInThePlaceOfTheStore(t *testing.T) {
	forEachStore(t, func(n node) {
		for _, target := range n.targets() {
			n.link(target, "podnet")
			for _, command := range []string{"ADD", "DEL", "CHECK", "GC"} {
				n.rejects(hostlocal.CodeMismatch, command, pod("a"), map[string]any{"cni.dev/valid-attachments": []any{}})
			}
			for _, args := range [][]string{
				{"list", "podnet"}, {"metrics", "podnet"}, {"verify", "podnet"}, {"verify", "--repair", "podnet"}, {"release", "podnet", "10.0.0.10"},
				{"migrate", "podnet", "--to", "bolt"}, {"export", "podnet", "--to", n.in("exported")},
			} {
				n.toolRejects(n.store("podnet")+" is a symbolic link", args...)
			}
			require.NoError(n, os.Remove(n.store("podnet")))
		}
	})
}

// A link to a directory is followed, as in the stock plugin: a user who can create one in
// the data directory can also remove the leases. A migration rejects it.
func TestLinkToADirectoryIsFollowed(t *testing.T) {
	n := newNode(t, "files")
	require.NoError(t, os.Mkdir(n.in("elsewhere"), 0o755))
	n.link(n.in("elsewhere"), "podnet")
	n.add("a")
	require.FileExists(t, n.in("elsewhere", "10.0.0.10"))
	n.toolRejects("symbolic link", "migrate", "podnet", "--to", "bolt")
}

func TestLinkInThePlaceOfANewBoltStore(t *testing.T) {
	for _, target := range newNode(t, "bolt").targets() {
		n := newNode(t, "bolt")
		n.link(target, ".podnet.new")
		e := n.rejects(hostlocal.CodeMismatch, "ADD", pod("a"), nil)
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
		before := n.snapshot()
		n.add("a")
		require.FileExists(t, n.store("podnet", "10.0.0.12"), "an address whose file is a link counts as leased")
		n.tool("release", "podnet", "10.0.0.11")
		n.tool("verify", "--repair", "podnet")
		_, err := n.plugin("GC", attachment{}, map[string]any{"cni.dev/valid-attachments": []any{}})
		require.Error(t, err, "the administrator must remove the link")
		require.Equal(t, before.without("podnet"), n.snapshot().without("podnet"))

		require.NoError(t, os.Remove(n.store("podnet", "lock")))
		n.link(target, "podnet", "lock")
		for _, command := range []string{"ADD", "CHECK"} {
			e := n.rejects(types.ErrIOFailure, command, pod("b"), nil)
			require.Contains(t, e.Msg, n.store("podnet", "lock")+": it is a symbolic link, which is not followed")
		}
		require.NoError(t, os.Remove(n.store("podnet", "lock")))
		for _, name := range []string{".leasehold-undo", "last_reserved_ip..leasehold-undo"} {
			n.link(target, "podnet", name)
			_, err = n.plugin("ADD", pod("b"), nil)
			require.EqualValues(t, hostlocal.CodeDamaged, codeOf(err))
			require.ErrorContains(t, err, n.store("podnet", name)+": is a symbolic link, which no plugin makes: move it out of the store")
			require.NoError(t, os.Remove(n.store("podnet", name)))
		}
		require.Equal(t, before.without("podnet"), n.snapshot().without("podnet"))
	}
}

// If .leasehold is a link, nothing in its target may be moved or removed.
func TestLinkInThePlaceOfTheDirectoryBeside(t *testing.T) {
	const notFollowed = ".leasehold: it is a symbolic link, which is not followed: replace it by a directory, and move what is in its target there"
	forEachStore(t, func(n node) {
		for _, name := range []string{"podnet.new-dir", "podnet.before-migration-20260101T000000.000Z.next"} {
			require.NoError(n, os.WriteFile(n.in("outside", name), []byte("precious"), 0o600))
		}
		n.link(n.in("outside"), ".leasehold")
		e := n.rejects(types.ErrIOFailure, "ADD", pod("a"), nil)
		require.Contains(n, e.Msg, notFollowed)
		require.Empty(n, e.Details, "a file system or a kernel log does not say more")
		require.NoError(n, os.Remove(n.store(".leasehold")))
		n.add("other")
		n.mustTool("export", "--to", n.in("exported"))
		n.link(n.in("outside"), ".leasehold")
		n.toolRejects(notFollowed, "migrate", "podnet", "--to", another(n.backend))
		if n.damage(); n.backend == "bolt" {
			n.toolRejects(notFollowed, "verify", "--repair", "--accept-loss", "podnet")
		}
		require.NoError(n, os.RemoveAll(n.store("podnet")))
		n.toolRejects(notFollowed, "import", n.in("exported"))
	})
}

func TestLinksWithinTheDirectoryBeside(t *testing.T) {
	forEachStore(t, func(n node) {
		for _, target := range n.targets() {
			n.add("other")
			require.NoError(n, os.Mkdir(n.store(".leasehold"), 0o700))
			n.link(target, ".leasehold", "lock")
			n.toolRejects("lock: it is a symbolic link, which is not followed", "migrate", "podnet", "--to", another(n.backend))
			require.NoError(n, os.Remove(n.store(".leasehold", "lock")))
			require.NoError(n, os.WriteFile(n.store(".leasehold", "lock"), nil, 0o600))
			n.link(target, ".leasehold", "podnet.lock")
			n.toolRejects("podnet.lock: it is a symbolic link, which is not followed", "migrate", "podnet", "--to", another(n.backend))
			require.NoError(n, os.Remove(n.store(".leasehold", "podnet.lock")))

			for _, name := range []string{"podnet.new-dir", "podnet.new-file"} {
				n.link(target, ".leasehold", name)
				before := n.snapshot()
				n.mustTool("migrate", "podnet", "--to", another(n.backend))
				require.Equal(n, before.without("podnet", ".leasehold"), n.snapshot().without("podnet", ".leasehold"))
				n.mustTool("migrate", "podnet", "--to", n.backend)
			}
			require.NoError(n, os.RemoveAll(n.store()))
		}
	})
}

// --to creates or replaces the file itself; the target of a link in its place stays
// unchanged.
func TestLinkInThePlaceOfWhatIsWritten(t *testing.T) {
	forEachStore(t, func(n node) {
		n.add("other")
		for _, target := range n.targets() {
			n.link(target, "..", "written")
			n.toolRejects("file exists", "export", "--to", n.in("written"))
			before := n.snapshot()
			n.mustTool("metrics", "--to", n.in("written"))
			after := n.snapshot()
			require.Contains(n, after["/written"], "leasehold_up")
			delete(before, "/written")
			delete(after, "/written")
			require.Equal(n, before, after)
			require.NoError(n, os.Remove(n.in("written")))
		}
	})
}

// Opening a FIFO would block until another process opens it for writing.
func TestNothingWaitsForAFIFO(t *testing.T) {
	forEachStore(t, func(n node) {
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
	require.Contains(t, n.mustTool("list"), "(named pipe)")
	n.tool("verify", "--repair", "podnet")
	_, err := n.plugin("DEL", pod("a"), nil)
	require.NoError(t, err)
}
