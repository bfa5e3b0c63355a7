package stalled

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/faulttest"
)

// Each starts a command whose caller goes before it has the lock, and returns it stopped.
var orphans = map[string]func(*testing.T, faulttest.Network, string, string, map[string]any) *process{
	"stopped while it waits for the lock": func(t *testing.T, n faulttest.Network, command, id string, more map[string]any) *process {
		release := hold(t, n)
		p := plugin(t, n, command, id, more)
		p.awaitCall(forLock)
		p.stop()
		require.NoError(t, p.caller.Close())
		release()
		return p
	},
	"stopped before it looks at the lock": func(t *testing.T, n faulttest.Network, command, id string, more map[string]any) *process {
		r, w, err := os.Pipe()
		require.NoError(t, err)
		cmd := n.Command(faulttest.Shared(t).HostLocal, command, id, nil)
		cmd.Stdin = r
		p := start(t, cmd)
		require.NoError(t, r.Close())
		p.awaitCall(forInput)
		p.stop()
		_, err = w.Write(n.Config(more))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.NoError(t, p.caller.Close())
		return p
	},
}

// A runtime that is killed leaves a plugin behind. Started again it repeats what it saw no
// answer of, and goes on; then the plugin comes to its turn.
func TestACommandWhoseCallerHasGoneDoesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, n faulttest.Network) {
		for name, orphan := range orphans {
			for command, more := range map[string]map[string]any{"ADD": nil, "DEL": nil, "GC": faulttest.Attachments()} {
				t.Run(command+" "+name, func(t *testing.T) {
					id := "web"
					if command == "ADD" {
						id = "late"
					}
					late := orphan(t, n, command, id, more)
					require.NoError(t, n.Del("web"))
					_, err := n.Add("web")
					require.NoError(t, err)
					_, err = n.Add("db")
					require.NoError(t, err)
					before := held(t, n)

					late.goOn()
					require.Equal(t, 1, late.end())
					require.Contains(t, late.stderr.String(), "the caller has gone; nothing was done")
					require.Equal(t, before, held(t, n))
					require.NoError(t, n.Del("db"))
				})
			}
		}
	})
}

// One that is waited for does what it is told, however late.
func TestACommandWhoseCallerWaitsIsDone(t *testing.T) {
	onBoth(t, func(t *testing.T, n faulttest.Network) {
		release := hold(t, n)
		add, del := plugin(t, n, "ADD", "db", nil), plugin(t, n, "DEL", "web", nil)
		for _, p := range []*process{add, del} {
			p.awaitCall(forLock)
			p.stop()
		}
		release()
		for _, p := range []*process{add, del} {
			p.goOn()
			out, status := p.answer()
			require.Zero(t, status, "%s", out)
		}
		require.Len(t, held(t, n), 1)
		require.Contains(t, held(t, n), "db")
	})
}
