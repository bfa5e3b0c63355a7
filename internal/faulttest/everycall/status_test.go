package everycall

import (
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/faulttest/ptracer"
)

// TestStatusOfUnreadableStore lets no process read one of the files that an ADD reads, each of them in turn. If no
// ADD can be served, STATUS must fail.
func TestStatusOfUnreadableStore(t *testing.T) {
	requireTracer(t)
	for kind, want := range map[string][]string{
		config.Bolt:  {""},
		config.Files: {"", "/10.0.0.10", "/10.0.0.12", "/fd00::a", "/fd00::c", "/last_reserved_ip.0", "/last_reserved_ip.1", "/last_reserved_ip..leasehold-boot"},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			n := faulttest.Network{Dir: faulttest.Dir(t), Backend: kind, Dual: true, Size: size, Keys: map[string]any{"onReboot": "release"}}
			require.NoError(t, usedStore(n))
			run := func(command string, h ptracer.Hooks) error {
				a := attempt{scenario: scenarioNamed(t, kind, command), network: n, programs: faulttest.Shared(t)}
				return a.run(h)
			}

			read := map[string]bool{}
			require.NoError(t, run("ADD", ptracer.Hooks{Enter: func(c *ptracer.Call) ptracer.Action {
				if isReadOf(n, c) {
					read[strings.TrimPrefix(c.Path, n.Path())] = true
				}
				return ptracer.Action{}
			}}))
			require.NoError(t, n.Del(target))
			require.Subset(t, slices.Collect(maps.Keys(read)), want)

			failing := 0
			for path := range read {
				hooks := ptracer.Hooks{Enter: func(c *ptracer.Call) ptracer.Action {
					if isReadOf(n, c) && c.Path == n.Path()+path {
						return ptracer.Action{Errno: syscall.EIO}
					}
					return ptracer.Action{}
				}}
				answer := run("ADD", hooks)
				if answer == nil {
					require.NoError(t, n.Del(target))
					continue
				}
				failing++
				require.Error(t, run("STATUS", hooks), "no ADD can be served: %v", answer)
				require.NoError(t, run("STATUS", ptracer.Hooks{}), "the disk is whole again")
			}
			require.GreaterOrEqual(t, failing, len(want))
		})
	}
}

// isReadOf reports whether a call reads a file of the network's store, or lists its directory.
func isReadOf(n faulttest.Network, c *ptracer.Call) bool {
	return slices.Contains([]string{"read", "pread64", "getdents64"}, c.Name) && strings.HasPrefix(c.Path, n.Path())
}
