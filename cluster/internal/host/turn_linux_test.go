package host_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/exchange"
)

// Of many that ran out of addresses, the first asks for all.
func TestClaimForThoseThatWait(t *testing.T) {
	const waiting = 5
	a := newMachine(t, newSpace(t), "a", `, "ahead": 0`)
	_, err := a.open("").Claim(t.Context())
	require.NoError(t, err)
	a.lease(4)
	lock, err := exchange.At(filepath.Join(a.data, "net")).LockClaim(t.Context())
	require.NoError(t, err)
	var all sync.WaitGroup
	for range waiting {
		h := a.open("")
		all.Go(func() {
			if _, err := h.Claim(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	require.Eventually(t, func() bool { return waitersFor(t, lock) == waiting }, time.Minute, 20*time.Millisecond)
	require.NoError(t, lock.Close())
	all.Wait()
	require.Len(t, a.blocks(), 3, "two of four addresses each for five; it needs a TMPDIR on a local file system")
}

func waitersFor(t *testing.T, f *os.File) (n int) {
	t.Helper()
	info, err := f.Stat()
	require.NoError(t, err)
	text, err := os.ReadFile("/proc/locks")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "-> FLOCK") && strings.Contains(line, fmt.Sprintf(":%d ", info.Sys().(*syscall.Stat_t).Ino)) {
			n++
		}
	}
	return n
}
