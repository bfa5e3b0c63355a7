package peers

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
)

func request(n int) allocator.Request { return allocator.Request{Owner: Container(n).Owner()} }

// Every leaser leases to many at once, releases, and fails to release what is not leased.
func TestLeasers(t *testing.T) {
	const n = 20
	for _, name := range []string{Bolt, Files, Memory, Podman, GoIPAM} {
		t.Run(name, func(t *testing.T) {
			l, err := NewLeaser(t.Context(), name, t.TempDir(), subnets("10.0.0.0/16")[0])
			require.NoError(t, err)
			errs := make([]error, n)
			var all sync.WaitGroup
			for i := range n {
				all.Go(func() {
					addr, err := l.Acquire(t.Context(), request(i))
					if err == nil && i%2 == 1 {
						err = l.Release(t.Context(), Container(i).Owner(), addr)
						if again := l.Release(t.Context(), Container(i).Owner(), addr); again == nil {
							err = fmt.Errorf("%s was released twice", addr)
						}
					}
					errs[i] = err
				})
			}
			all.Wait()
			for _, err := range errs {
				require.NoError(t, err)
			}
			holders, err := l.Holders(t.Context())
			require.NoError(t, err)
			require.Len(t, holders, n/2)
			for addr, owner := range holders {
				require.True(t, subnets("10.0.0.0/16")[0].Contains(addr))
				require.Contains(t, owner.IfName, IfName)
			}
		})
	}
	_, err := NewLeaser(t.Context(), Stock, t.TempDir(), subnets("10.0.0.0/16")[0])
	require.EqualError(t, err, "stock cannot be linked")
}
