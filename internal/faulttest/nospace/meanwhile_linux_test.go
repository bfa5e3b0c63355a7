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

// requesting has an ADD ask for an address of the pool by name.
func requesting() (addr netip.Addr, more map[string]any) {
	return netip.MustParseAddr("10.0.0.12"), map[string]any{
		"args": map[string]any{"cni": map[string]any{"ips": []string{"10.0.0.12"}}},
	}
}

// unheard performs an ADD of web that has its lease, and waits to write its answer, while
// meanwhile is called. Then the reader of the answer goes away.
func unheard(t *testing.T, n faulttest.Network, meanwhile func()) {
	t.Helper()
	_, more := requesting()
	cmd := n.Command(faulttest.Shared(t).HostLocal, "ADD", "web", more)
	readerGoes := fullPipe(t, cmd)
	require.NoError(t, cmd.Start())
	awaitWrite(t, cmd.Process.Pid)
	meanwhile()
	readerGoes()
	require.Error(t, cmd.Wait())
}

// What the attachment has been answered meanwhile by another ADD is not given back, though
// it is the same address, of the same owner.
func TestAddAnsweredMeanwhile(t *testing.T) {
	addr, more := requesting()
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
			"returned, and not heard either": func(t *testing.T, n faulttest.Network) {
				again(t, n)
				unheard(t, n, func() {})
			},
			"returned, and moved": func(t *testing.T, n faulttest.Network) {
				again(t, n)
				move(t, n)
			},
			"leased anew by the stock plugin": func(t *testing.T, n faulttest.Network) {
				if store == config.Bolt { // It cannot lease there.
					again(t, n)
					return
				}
				require.NoError(t, n.Del("web"))
				require.NoError(t, os.WriteFile(filepath.Join(n.Path(), addr.String()), []byte("web\r\n"+faulttest.IfName), 0o600))
			},
		} {
			t.Run(store+", "+name, func(t *testing.T) {
				n.Dir, n.Backend = newStore(t, store), ""
				unheard(t, n, func() { meanwhile(t, n) })
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

// move makes of one kind of store the other.
func move(t *testing.T, n faulttest.Network) {
	t.Helper()
	to := config.Files
	if info, err := os.Stat(n.Path()); err == nil && info.IsDir() {
		to = config.Bolt
	}
	out, err := n.Tool(faulttest.Shared(t).Leasehold, "migrate", faulttest.Name, "--to", to).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// What nobody was answered is given back, from the store that stands there by then.
func TestAddUnheardOfWhileStoresChange(t *testing.T) {
	for _, store := range []string{config.Files, config.Bolt} {
		n := faulttest.Network{Dir: newStore(t, store), Size: 5}
		unheard(t, n, func() { move(t, n) })
		requireHeld(t, n, nil)
		unheard(t, n, func() { move(t, n); move(t, n) })
		requireHeld(t, n, nil)
	}
}

// A runtime that has waited too long for an answer stops listening, and asks again. Which
// of its ADDs gets the lock first, is up to the kernel.
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

// A file system that keeps whole seconds does not tell a lease from the next. There an
// address rather stays leased than that two containers get it.
func TestAddUnheardWithCoarseTimes(t *testing.T) {
	disk := filepath.Join(t.TempDir(), "disk")
	require.NoError(t, os.Mkdir(disk, 0o755))
	faulttest.NewImage(t, "ext4", 16<<20, "-I", "128").Mount(t, disk)
	defer func() { require.NoError(t, unix.Unmount(disk, unix.MNT_DETACH)) }()
	addr, more := requesting()
	n := faulttest.Network{Dir: filepath.Join(disk, "networks"), Size: 5}.With("onDuplicate", "return")
	for name, meanwhile := range map[string]func(){
		"nothing":     func() {},
		"returned":    func() { require.NoError(t, ignore(n.Plugin("ADD", "web", more))) },
		"leased anew": func() { require.NoError(t, errors.Join(n.Del("web"), ignore(n.Plugin("ADD", "web", more)))) },
	} {
		unheard(t, n, meanwhile)
		h, err := n.Verify(t.Context())
		require.NoError(t, err)
		require.Equal(t, faulttest.Holding{"web": {addr}}, h, name)
		require.NoError(t, n.Del("web"))
	}
	// The other store keeps times itself.
	n.Dir, n.Backend = filepath.Join(disk, "bolt"), config.Bolt
	unheard(t, n, func() {})
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
	require.NoError(t, r.Close()) // The first is not listened to any more.

	var out bytes.Buffer
	second := n.Command(faulttest.Shared(t).HostLocal, "ADD", "web", nil)
	second.Stdout = &out
	require.NoError(t, second.Start())
	awaitLock(t, second.Process.Pid)
	unlock()
	_ = first.Wait() // It can have been the one that leased, and could not say so.
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
