package mounts

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
)

func TestMain(m *testing.M) { os.Exit(faulttest.MainWithMounts(m)) }

// answers collects the answers of the plugins.
type answers struct {
	mu     sync.Mutex
	held   faulttest.Holding
	holder map[netip.Addr]string
	errs   []error
	failed atomic.Int32 // ADDs with the code tryAgainLater
}

// record records the answer to an ADD.
func (a *answers) record(id string, addrs []netip.Addr, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case err == nil:
		a.held[id] = addrs
	case faulttest.Code(err) == tryAgainLater:
		a.failed.Add(1)
		return
	default:
		a.errs = append(a.errs, err)
	}
	for _, addr := range addrs {
		if other, taken := a.holder[addr]; taken {
			a.errs = append(a.errs, fmt.Errorf("%s was answered to %s and to %s", addr, other, id))
		}
		a.holder[addr] = id
	}
}

// tryAgainLater is the error code of an ADD that lost a race with another one.
const tryAgainLater = 11

// TestTwoMounts runs plugins through two FUSE mounts of one directory and in the directory itself, none
// of which shares the locks of another. A files store must not answer an address twice, nor lose one that it answered.
func TestTwoMounts(t *testing.T) {
	for _, dual := range []bool{false, true} {
		t.Run(fmt.Sprintf("dual %v", dual), func(t *testing.T) {
			below := t.TempDir()
			mounts := []string{t.TempDir(), t.TempDir()}
			for _, at := range mounts {
				faulttest.Bindfs(t, below, at)
			}
			mounts = append(mounts, below)
			program := faulttest.Shared(t).HostLocal
			n := faulttest.Network{Dir: below, Backend: config.Files, Dual: dual, Size: 130}
			a := answers{held: faulttest.Holding{}, holder: map[netip.Addr]string{}}
			adds := 20
			if faulttest.Exhaustive() {
				adds, n.Size = 32, 200
			}
			var all sync.WaitGroup
			for mount, at := range mounts {
				for worker := range 2 {
					through := n
					through.Dir, through.Program = at, program
					all.Go(func() { a.add(through, fmt.Sprintf("%d-%d", mount, worker), adds) })
				}
			}
			all.Wait()
			require.Empty(t, a.errs)
			h, err := n.Verify(t.Context())
			require.NoError(t, err)
			require.Equal(t, a.held, h)
			require.NotEmpty(t, h)
			t.Logf("%d ADDs succeeded, %d must try again", len(h), a.failed.Load())
			require.NoError(t, n.Exercise(t.Context()))
			requireEmptyStore(t, n)
		})
	}
}

// add adds containers one after the other.
func (a *answers) add(n faulttest.Network, name string, adds int) {
	for i := range adds {
		id := fmt.Sprintf("%s-%d", name, i)
		addrs, err := n.Add(id)
		a.record(id, addrs, err)
	}
}

// requireEmptyStore requires that the directory has only the files of an empty store, at the latest once
// ADDs and DELs take what else is there for left over, rather than for the work of another process.
func requireEmptyStore(t *testing.T, n faulttest.Network) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(time.Second) {
		left := leftOver(t, n.Path())
		if len(left) == 0 {
			return
		}
		require.Less(t, time.Since(began), time.Minute, left)
		require.NoError(t, n.Exercise(t.Context()))
	}
}

func leftOver(t *testing.T, dir string) (left []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		isCursor := strings.HasPrefix(e.Name(), "last_reserved_ip.") && !strings.Contains(e.Name(), ".leasehold")
		if !isCursor && e.Name() != "lock" {
			left = append(left, e.Name())
		}
	}
	return left
}
