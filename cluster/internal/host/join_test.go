package host_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/cluster/internal/host"
)

// A host was killed while it joined under the name of another one. Its file of the cluster has a name of its own
// now, with which both a claim and attest begin again.
func TestJoinBegunUnderATakenName(t *testing.T) {
	s := newSpace(t)
	_, err := newMachine(t, s, "a", "").open("").Claim(t.Context())
	require.NoError(t, err)
	for name, join := range map[string]func(*host.Host) error{
		"b": func(h *host.Host) error { return h.Attest(t.Context()) },
		"c": func(h *host.Host) error { _, err := h.Claim(t.Context()); return err },
	} {
		m := newMachine(t, s, name, "")
		require.NoError(t, m.store().Update(t.Context(), func(tx backend.Tx) error {
			shared, err := backend.AsShared(tx)
			require.NoError(t, err)
			return shared.SetMembership(backend.Membership{
				Cluster: "dc1", Space: "net", Host: "a", Incarnation: backend.Mark{1}, Machine: "m",
				Intent: backend.Intent{Action: "join", Mark: backend.Mark{2}, Boot: "b"},
			})
		}))
		require.NoError(t, join(m.open("")))
		state, err := m.open("").State(t.Context())
		require.NoError(t, err)
		require.Equal(t, name, state.Membership.Host)
	}
}
