package format

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// Early records of a membership end before the ID of the space, or before the number of its last recovery.
func TestEarlyMembership(t *testing.T) {
	const recovery, space, checksum = 1, markLen, 4 // bytes
	m := backend.Membership{Cluster: "dc1", Space: "pods", Host: "a", Seen: backend.Sighting{Recovery: 7, Space: backend.Mark{1}}}
	without := func(n int) (backend.Membership, error) {
		record := EncodeMembership(m)
		fields := record[:len(record)-checksum-n]
		return DecodeMembership(binary.BigEndian.AppendUint32(fields, sum(MembershipKey, fields)))
	}
	whole, err := without(0)
	require.NoError(t, err)
	require.Equal(t, m, whole)

	want := m
	want.Seen.Space = backend.Mark{}
	early, err := without(space)
	require.NoError(t, err)
	require.Equal(t, want, early)

	want.Seen.Recovery = 0
	early, err = without(space + recovery)
	require.NoError(t, err)
	require.Equal(t, want, early)

	_, err = without(1)
	require.ErrorContains(t, err, "malformed")
}
