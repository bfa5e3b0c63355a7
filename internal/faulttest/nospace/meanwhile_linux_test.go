package nospace

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
)

// requestedAddress returns an address of the pool, and the configuration keys with which an
// ADD requests it.
func requestedAddress() (addr netip.Addr, more map[string]any) {
	return netip.MustParseAddr("10.0.0.12"), map[string]any{
		"args": map[string]any{"cni": map[string]any{"ips": []string{"10.0.0.12"}}},
	}
}

// addUnread runs an ADD of web that has its lease and blocks while it writes its answer. It
// calls meanwhile, and then the reader closes the pipe.
func addUnread(t *testing.T, n faulttest.Network, meanwhile func()) {
	t.Helper()
	_, more := requestedAddress()
	cmd := n.Command(faulttest.Shared(t).HostLocal, "ADD", "web", more)
	closeReader := fullPipe(t, cmd)
	require.NoError(t, cmd.Start())
	awaitWrite(t, cmd.Process.Pid)
	meanwhile()
	closeReader()
	require.Error(t, cmd.Wait())
}

// An ADD whose answer cannot be delivered must not release an address that another ADD has
// answered to the same attachment meanwhile.
func TestAddAnsweredMeanwhile(t *testing.T) {
	addr, more := requestedAddress()
	for _, store := range []string{config.Files, config.Bolt} {
		n := faulttest.Network{Backend: store, Size: 5}.With("onDuplicate", "return")
		again := func(t *testing.T, n faulttest.Network) {
			out, err := n.Plugin("ADD", "web", more)
			require.NoError(t, err)
			addrs, err := faulttest.Addresses(out)
			require.NoError(t, err)
			require.Equal(t, []netip.Addr{addr}, addrs)
		}
		for name, meanwhile := range map[string]func(t *testing.T, n faulttest.Network){
			"returned": again,
			"leased anew": func(t *testing.T, n faulttest.Network) {
				require.NoError(t, n.Del("web"))
				again(t, n)
			},
			"returned, also not delivered": func(t *testing.T, n faulttest.Network) {
				again(t, n)
				addUnread(t, n, func() {})
			},
			"returned, then migrated": func(t *testing.T, n faulttest.Network) {
				again(t, n)
				migrateToOther(t, n)
			},
			"leased anew by the stock plugin": func(t *testing.T, n faulttest.Network) {
				if store == config.Bolt { // The stock plugin has no bolt store.
					again(t, n)
					return
				}
				require.NoError(t, n.Del("web"))
				require.NoError(t, os.WriteFile(filepath.Join(n.Path(), addr.String()), []byte("web\r\n"+faulttest.IfName), 0o600))
			},
		} {
			t.Run(store+", "+name, func(t *testing.T) {
				n.Dir, n.Backend = newStore(t, store), ""
				addUnread(t, n, func() { meanwhile(t, n) })
				requireHeld(t, n, faulttest.Holding{"web": {addr}})
			})
		}
	}
}

// newStore returns the data directory of an empty store.
func newStore(t *testing.T, kind string) string {
	t.Helper()
	n := faulttest.Network{Dir: faulttest.Dir(t), Backend: kind, Size: 5}
	_, err := n.Add("gone")
	require.NoError(t, err)
	require.NoError(t, n.Del("gone"))
	return n.Dir
}

// migrateToOther migrates the store to the other kind.
func migrateToOther(t *testing.T, n faulttest.Network) {
	t.Helper()
	to := config.Files
	if info, err := os.Stat(n.Path()); err == nil && info.IsDir() {
		to = config.Bolt
	}
	out, err := n.Tool(faulttest.Shared(t).Leasehold, "migrate", faulttest.Name, "--to", to).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// An address that was not delivered is released from the store that exists by then.
func TestAddWithBrokenOutputDuringMigration(t *testing.T) {
	for _, store := range []string{config.Files, config.Bolt} {
		n := faulttest.Network{Dir: newStore(t, store), Size: 5}
		addUnread(t, n, func() { migrateToOther(t, n) })
		requireHeld(t, n, nil)
		addUnread(t, n, func() { migrateToOther(t, n); migrateToOther(t, n) })
		requireHeld(t, n, nil)
	}
}

// A runtime that times out closes the pipe and repeats the ADD. The kernel decides which of
// the two gets the lock first.
func TestAddIsRepeatedWhileTheLockIsBusy(t *testing.T) {
	const rounds = 40
	for store, lock := range map[string]string{config.Files: "lock", config.Bolt: ""} {
		t.Run(store, func(t *testing.T) {
			n := faulttest.Network{Dir: newStore(t, store), Size: 5}.With("onDuplicate", "return")
			for range rounds {
				repeatWhileLocked(t, n, filepath.Join(n.Path(), lock))
			}
		})
	}
}

// With timestamps in whole seconds, a lease cannot be told from a newer one of the same
// owner. There the address stays leased, rather than being leased twice.
func TestAddWithBrokenOutputAndCoarseTimes(t *testing.T) {
	disk := filepath.Join(t.TempDir(), "disk")
	require.NoError(t, os.Mkdir(disk, 0o755))
	faulttest.NewImage(t, "ext4", 16<<20, "-I", "128").Mount(t, disk)
	defer func() { require.NoError(t, unix.Unmount(disk, unix.MNT_DETACH)) }()
	addr, more := requestedAddress()
	n := faulttest.Network{Dir: filepath.Join(disk, "networks"), Size: 5}.With("onDuplicate", "return")
	for name, meanwhile := range map[string]func(){
		"nothing":     func() {},
		"returned":    func() { require.NoError(t, ignore(n.Plugin("ADD", "web", more))) },
		"leased anew": func() { require.NoError(t, errors.Join(n.Del("web"), ignore(n.Plugin("ADD", "web", more)))) },
	} {
		addUnread(t, n, meanwhile)
		h, err := n.Verify(t.Context())
		require.NoError(t, err)
		require.Equal(t, faulttest.Holding{"web": {addr}}, h, name)
		require.NoError(t, n.Del("web"))
	}
	// The bolt store keeps its own times.
	n.Dir, n.Backend = filepath.Join(disk, "bolt"), config.Bolt
	addUnread(t, n, func() {})
	requireHeld(t, n, nil)
}

func ignore(_ []byte, err error) error { return err }

func repeatWhileLocked(t *testing.T, n faulttest.Network, lock string) {
	t.Helper()
	unlock := locked(t, lock)
	first := n.Command(faulttest.Shared(t).HostLocal, "ADD", "web", nil)
	r, w := pipe(t, first)
	require.NoError(t, first.Start())
	require.NoError(t, w.Close())
	awaitLock(t, first.Process.Pid)
	require.NoError(t, r.Close()) // The caller of the first ADD has gone.

	var out bytes.Buffer
	second := n.Command(faulttest.Shared(t).HostLocal, "ADD", "web", nil)
	second.Stdout = &out
	require.NoError(t, second.Start())
	awaitLock(t, second.Process.Pid)
	unlock()
	_ = first.Wait() // It fails if it got the lock first, because it cannot answer.
	require.NoError(t, second.Wait())
	answered, err := faulttest.Addresses(out.Bytes())
	require.NoError(t, err)
	requireHeld(t, n, faulttest.Holding{"web": answered})
	require.NoError(t, n.Del("web"))
}

// locked takes the lock of a store until unlock is called.
func locked(t *testing.T, path string) (unlock func()) {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	require.NoError(t, unix.Flock(int(f.Fd()), unix.LOCK_EX))
	return func() { require.NoError(t, f.Close()) }
}
