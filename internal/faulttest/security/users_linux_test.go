package security_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/containernetworking/cni/pkg/types"
	"github.com/stretchr/testify/require"
)

// nobody is a user who owns nothing.
const nobody = 65534

// asNobody has all that the node runs be run by nobody.
func (n node) asNobody() node {
	if os.Getuid() != 0 {
		n.Skip("only root can become another user")
	}
	n.as = func(cmd *exec.Cmd) {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	return n
}

// Who is not root learns that he may not, of which file, and changes nothing. The names
// in the directory of a files store he can read, as that of the stock plugin, and
// nothing else.
func TestAnotherUser(t *testing.T) {
	onBoth(t, func(n node) {
		n.add("other")
		n.works("export", "--to", n.in("exported"))
		require.NoError(n, os.Chmod(n.in("exported"), 0o644))
		require.NoError(n, os.WriteFile(n.in("valid"), []byte("other\n"), 0o644))
		stranger := n.asNobody()
		for _, command := range []string{"ADD", "DEL", "CHECK", "GC"} {
			e := stranger.refuses(types.ErrIOFailure, command, pod("a"), map[string]any{"cni.dev/valid-attachments": []any{}})
			require.Contains(n, e.Msg, n.store("podnet"))
			require.Contains(n, e.Msg, "permission denied")
		}
		e := stranger.refuses(types.ErrPluginNotAvailable, "STATUS", attachment{}, nil)
		require.Contains(n, e.Msg, "permission denied")
		for _, args := range [][]string{
			{"list"}, {"who", "10.0.0.10"}, {"verify"}, {"verify", "--repair", "podnet"}, {"release", "podnet", "10.0.0.10"},
			{"gc", "podnet", "--valid", n.in("valid")}, {"migrate", "podnet", "--to", another(n.backend)}, {"metrics"}, {"export"},
			{"import", n.in("exported")}, {"export", "--to", n.in("new")}, {"metrics", "--to", n.in("new")},
		} {
			stranger.toolRefuses("permission denied", args...)
			_, text := stranger.tool(args...)
			require.Contains(n, text, "next: run it as root", "%v", args)
			require.NotContains(n, text, "damaged", "%v", args)
		}
	})
}

// Where nothing stands yet, and where what is not in use may not be looked at, nothing
// is made: a store could be on its way.
func TestAnotherUserMakesNothing(t *testing.T) {
	onBoth(t, func(n node) {
		stranger := n.asNobody()
		stranger.refuses(types.ErrIOFailure, "ADD", pod("a"), nil)
		require.NoError(n, os.Mkdir(n.store(".leasehold"), 0o700))
		require.NoError(n, os.Chown(n.store(), nobody, nobody))
		e := stranger.refuses(types.ErrIOFailure, "ADD", pod("a"), nil)
		require.Contains(n, e.Msg, n.store(".leasehold")+": permission denied")
	})
}

// Root works on a store that belongs to another user, and what it makes there is its
// own: the other cannot read it.
func TestStoreOfAnotherUser(t *testing.T) {
	onBoth(t, func(n node) {
		stranger := n.asNobody()
		require.NoError(n, os.Chown(n.store(), nobody, nobody))
		stranger.add("his")
		n.add("ours")
		list := n.works("list")
		require.Contains(n, list, "his")
		require.Contains(n, list, "ours")
		if n.backend == "files" {
			info, err := os.Stat(filepath.Join(n.store("podnet"), "10.0.0.11"))
			require.NoError(n, err)
			require.EqualValues(n, 0, info.Sys().(*syscall.Stat_t).Uid)
		}
		n.works("migrate", "podnet", "--to", another(n.backend))
		stranger.toolRefuses("permission denied", "list")
	})
}
