package security_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/containernetworking/cni/pkg/types"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/exchange"
)

// nobody is the user ID of a user who owns nothing.
const nobody = 65534

// asNobody returns the node with all programs run by nobody.
func (n node) asNobody() node {
	if os.Getuid() != 0 {
		n.Skip("running a command as another user needs root")
	}
	n.as = func(cmd *exec.Cmd) {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	return n
}

// Another user gets an error that names the file, and changes nothing. The only thing
// another user can read is the list of file names of a files store, as with the stock
// plugin.
func TestAnotherUser(t *testing.T) {
	forEachStore(t, func(n node) {
		n.add("other")
		n.mustTool("export", "--to", n.in("exported"))
		require.NoError(n, os.Chmod(n.in("exported"), 0o644))
		require.NoError(n, os.WriteFile(n.in("valid"), []byte("other\n"), 0o644))
		stranger := n.asNobody()
		for _, command := range []string{"ADD", "DEL", "CHECK", "GC"} {
			e := stranger.rejects(types.ErrIOFailure, command, pod("a"), map[string]any{"cni.dev/valid-attachments": []any{}})
			require.Contains(n, e.Msg, n.store("podnet"))
			require.Contains(n, e.Msg, "permission denied")
		}
		e := stranger.rejects(types.ErrPluginNotAvailable, "STATUS", attachment{}, nil)
		require.Contains(n, e.Msg, "permission denied")
		for _, args := range [][]string{
			{"list"}, {"who", "10.0.0.10"}, {"verify"}, {"verify", "--repair", "podnet"}, {"release", "podnet", "10.0.0.10"},
			{"gc", "podnet", "--valid", n.in("valid")}, {"migrate", "podnet", "--to", another(n.backend)}, {"metrics"}, {"export"},
			{"import", n.in("exported")}, {"export", "--to", n.in("new")}, {"metrics", "--to", n.in("new")},
		} {
			stranger.toolRejects("permission denied", args...)
			_, text := stranger.tool(args...)
			require.Contains(n, text, "next: run it as root", "%v", args)
			require.NotContains(n, text, "damaged", "%v", args)
		}
	})
}

// Nothing is created if there is no store and .leasehold cannot be read: a store could be
// waiting there.
func TestAnotherUserMakesNothing(t *testing.T) {
	forEachStore(t, func(n node) {
		stranger := n.asNobody()
		stranger.rejects(types.ErrIOFailure, "ADD", pod("a"), nil)
		require.NoError(n, os.Mkdir(n.store(".leasehold"), 0o700))
		require.NoError(n, os.Chown(n.store(), nobody, nobody))
		e := stranger.rejects(types.ErrIOFailure, "ADD", pod("a"), nil)
		require.Contains(n, e.Msg, n.store(".leasehold")+": permission denied")
	})
}

// Root uses a store that belongs to another user, and migrates it. What root creates there belongs to that
// user, who can go on.
func TestStoreOfAnotherUser(t *testing.T) {
	forEachStore(t, func(n node) {
		stranger := n.asNobody()
		require.NoError(n, os.Chown(n.store(), nobody, nobody))
		stranger.add("his")
		n.add("ours")
		list := n.mustTool("list")
		require.Contains(n, list, "his")
		require.Contains(n, list, "ours")
		if n.backend == "files" {
			info, err := os.Stat(filepath.Join(n.store("podnet"), "10.0.0.11"))
			require.NoError(n, err)
			require.EqualValues(n, nobody, info.Sys().(*syscall.Stat_t).Uid)
		}
		n.mustTool("migrate", "podnet", "--to", another(n.backend))
		list = stranger.mustTool("list")
		require.Contains(n, list, "his")
		require.Contains(n, list, "ours")
		stranger.backend = another(n.backend)
		stranger.add("later")
	})
}

// The store belongs to a user, and the data directory to root: all users may make stores there, or the members of
// a group. Root migrates the store there and back, and it is still the user's, who can make others as well.
func TestStoreOfAnotherUserBesideOthers(t *testing.T) {
	for name, mode := range map[string]os.FileMode{"of all": 0o777 | os.ModeSticky, "of a group": 0o775 | os.ModeSetgid} {
		t.Run(name, func(t *testing.T) {
			forEachStore(t, func(n node) {
				user := n.asNobody()
				require.NoError(n, os.Chown(n.store(), 0, nobody))
				require.NoError(n, os.Chmod(n.store(), mode))
				user.add("his")
				for _, to := range []string{another(n.backend), n.backend} {
					n.mustTool("migrate", "podnet", "--to", to)
					user.backend = to
					user.add("in-" + to)
				}
				require.Contains(n, user.mustTool("list"), "his")
				require.NoError(n, os.RemoveAll(n.store("podnet")))
				user.add("first")
			})
		})
	}
}

// A user has made the directory of replaced stores in a data directory of all: root builds nothing there.
func TestDirectoryOfAnotherUserBesideOthers(t *testing.T) {
	forEachStore(t, func(n node) {
		require.NoError(n, os.Chmod(n.store(), 0o777|os.ModeSticky))
		n.add("ours")
		require.NoError(n, os.Mkdir(n.store(".leasehold"), 0o755))
		require.NoError(n, os.Chown(n.store(".leasehold"), nobody, nobody))
		n.toolRejects("belongs to neither root nor the owner of the data directory; give it to root: chown -R root: ",
			"migrate", "podnet", "--to", another(n.backend))
		require.NoError(n, os.Chown(n.store(".leasehold"), 0, 0))
		n.mustTool("migrate", "podnet", "--to", another(n.backend))
	})
}

// A migration of a user's store was killed when the store was marked as replaced and its successor not yet in
// its place. The user cannot open a store that is marked for writing, and goes on all the same.
func TestKilledMigrationOfAnotherUser(t *testing.T) {
	forEachStore(t, func(n node) {
		user := n.asNobody()
		require.NoError(n, os.Chown(n.store(), nobody, nobody))
		user.add("his")
		locked := n.store("podnet")
		if n.backend == "files" {
			locked = n.store("podnet", exchange.StoreLock)
		}
		require.NoError(n, os.Chmod(locked, 0o440|os.ModeSetgid))
		info, err := os.Lstat(locked)
		require.NoError(n, err)
		staged := exchange.At(n.store("podnet")).Staged(true, info)
		for _, dir := range []string{filepath.Dir(staged), staged} {
			require.NoError(n, os.Mkdir(dir, 0o755))
			require.NoError(n, os.Chown(dir, nobody, nobody))
		}
		_, err = user.plugin("STATUS", attachment{}, nil)
		require.NoError(n, err)
		user.add("later")
		require.Contains(n, user.mustTool("list"), "his")

		// Without a successor it was replaced, and is not used.
		require.NoError(n, os.Remove(staged))
		require.NoError(n, os.Chmod(locked, 0o440|os.ModeSetgid))
		const replaced = 103
		e := user.rejects(replaced, "ADD", pod("refused"), nil)
		require.Contains(n, e.Msg, "was replaced by another")
		e = user.rejects(types.ErrPluginNotAvailable, "STATUS", attachment{}, nil)
		require.Contains(n, e.Msg, "was replaced by another")
	})
}
