//go:build linux

package powercut

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
)

func newTestChecker(t *testing.T) *checker {
	c, err := newChecker("")
	require.NoError(t, err)
	t.Cleanup(c.close)
	return c
}

// newStoreWithOne returns a network in which container "one" has addresses.
func newStoreWithOne(t *testing.T, kind string) faulttest.Network {
	n := network(kind, true)
	n.Dir = faulttest.Dir(t)
	_, err := n.Add("one")
	require.NoError(t, err)
	return n
}

func TestCheckerReturnsHolding(t *testing.T) {
	c := newTestChecker(t)
	for _, kind := range []string{config.Files, config.Bolt} {
		a, err := c.ask(question{Network: newStoreWithOne(t, kind), Whole: true})
		require.NoError(t, err)
		want := answer{Kind: kind, Holding: faulttest.Holding{"one": addrs("10.0.0.10", "fd00::a")}}
		if kind == config.Bolt { // the files store remembers nothing
			want.Memory = &faulttest.Memory{Ended: map[string]int{}}
		}
		require.Equal(t, want, a)
	}
}

func TestCheckerReturnsProblem(t *testing.T) {
	c := newTestChecker(t)
	n := newStoreWithOne(t, config.Files)
	require.NoError(t, os.Truncate(filepath.Join(n.Path(), "10.0.0.10"), 0))
	a, err := c.ask(question{Network: n})
	require.NoError(t, err)
	require.ErrorContains(t, a.wrong(), "the holder of the address is unknown")
}

func TestTornCursorIsAllowed(t *testing.T) {
	n := newStoreWithOne(t, config.Files)
	cursor := filepath.Join(n.Path(), "last_reserved_ip.0")
	require.NoError(t, os.Truncate(cursor, 3))
	a := examine(question{Network: n})
	require.NoError(t, a.wrong())
	require.True(t, a.Torn)
	text, err := os.ReadFile(cursor)
	require.NoError(t, err)
	require.Regexp(t, `^10\.0\.0\.1\d$`, string(text), "the ADD writes it again")
}

func TestOnlyCursors(t *testing.T) {
	cursor := &fs.PathError{Op: "verify", Path: "/net/last_reserved_ip.0", Err: fs.ErrInvalid}
	other := &fs.PathError{Op: "verify", Path: "/net/10.0.0.2", Err: fs.ErrInvalid}
	require.True(t, onlyCursors(errors.Join(nil, errors.Join(cursor), cursor)))
	require.False(t, onlyCursors(errors.Join(cursor, errors.Join(other, cursor))))
	require.False(t, onlyCursors(errors.New("something else")))
}

func TestCrashOfCheckerIsAnError(t *testing.T) {
	c := newTestChecker(t)
	time.AfterFunc(10*time.Millisecond, func() { c.cmd.Process.Kill() })
	n := newStoreWithOne(t, config.Files)
	var err error
	for err == nil { // until it is killed
		_, err = c.ask(question{Network: n})
	}
	require.ErrorContains(t, err, "the checker crashed, or was killed")
}

// A bad image is kept as the power cut left it.
func TestBadImageIsKept(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "vault"), 0o755))
	at := dataDir + "/" + faulttest.Name
	h := history{
		mkdir{"var"}, mkdir{dataDir}, mkdir{at}, create{path: at + "/10.0.0.10", inode: 1}, moving{config.Files}, allSynced{5},
		write{path: at + "/10.0.0.10", data: []byte("one\r\neth0"), modified: time.Now()},
	}
	p := newPlayer(Workload{network: network(config.Files, false)}, h, len(h), newTestChecker(t), dir, t.TempDir())
	var bad *BadImage
	require.ErrorAs(t, p.playUntil(t.Context(), 0), &bad)
	require.ErrorContains(t, bad, "never promised")
	text, err := os.ReadFile(filepath.Join(bad.Dir, at, "10.0.0.10"))
	require.NoError(t, err)
	require.Equal(t, "one\r\neth0", string(text))
}
