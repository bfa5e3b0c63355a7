package stalled

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/faulttest"
)

// orphanedCommands start a command whose caller exits before the command has the lock, and
// return it stopped.
var orphanedCommands = map[string]func(*testing.T, faulttest.Network, string, string, map[string]any) *process{
	"stopped while it waits for the lock": func(t *testing.T, n faulttest.Network, command, id string, more map[string]any) *process {
		release := lock(t, n)
		p := plugin(t, n, command, id, more)
		p.awaitCall(waitsForLock)
		p.stop()
		require.NoError(t, p.caller.Close())
		release()
		return p
	},
	"stopped before it waits for the lock": func(t *testing.T, n faulttest.Network, command, id string, more map[string]any) *process {
		r, w, err := os.Pipe()
		require.NoError(t, err)
		cmd := n.Command(faulttest.Shared(t).HostLocal, command, id, nil)
		cmd.Stdin = r
		p := start(t, cmd)
		require.NoError(t, r.Close())
		p.awaitCall(waitsForInput)
		p.stop()
		_, err = w.Write(n.Config(more))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.NoError(t, p.caller.Close())
		return p
	},
}

// A runtime that is killed leaves a plugin running. After its restart the runtime repeats
// the command and continues. If the first plugin then gets the lock, it must not change
// anything.
func TestOrphanedCommandDoesNothing(t *testing.T) {
	forEachStore(t, func(t *testing.T, n faulttest.Network) {
		for name, startOrphan := range orphanedCommands {
			for command, more := range map[string]map[string]any{"ADD": nil, "DEL": nil, "GC": faulttest.Attachments()} {
				t.Run(command+" "+name, func(t *testing.T) {
					id := "web"
					if command == "ADD" {
						id = "late"
					}
					late := startOrphan(t, n, command, id, more)
					require.NoError(t, n.Del("web"))
					_, err := n.Add("web")
					require.NoError(t, err)
					_, err = n.Add("db")
					require.NoError(t, err)
					before := holding(t, n)

					late.resume()
					require.Equal(t, 1, late.wait())
					require.Contains(t, late.stderr.String(), "the caller has gone; nothing was done")
					require.Equal(t, before, holding(t, n))
					require.NoError(t, n.Del("db"))
				})
			}
		}
	})
}

// A command whose caller still waits is performed, however late.
func TestLateCommandIsPerformed(t *testing.T) {
	forEachStore(t, func(t *testing.T, n faulttest.Network) {
		release := lock(t, n)
		add, del := plugin(t, n, "ADD", "db", nil), plugin(t, n, "DEL", "web", nil)
		for _, p := range []*process{add, del} {
			p.awaitCall(waitsForLock)
			p.stop()
		}
		release()
		for _, p := range []*process{add, del} {
			p.resume()
			out, status := p.answer()
			require.Zero(t, status, "%s", out)
		}
		require.Len(t, holding(t, n), 1)
		require.Contains(t, holding(t, n), "db")
	})
}
