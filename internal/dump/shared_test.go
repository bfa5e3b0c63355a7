package dump_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/dump"
)

// shared returns a network that hosts share.
func shared() backend.Content {
	l := v1[0].leases[1]
	return backend.Content{
		Leases: leases(nil, l),
		Membership: backend.Membership{
			Cluster: "dc1", Space: "pods", Host: "node-\xff", Incarnation: backend.Mark{1}, Sequence: 9,
			Intent: backend.Intent{Action: "claim", Mark: backend.Mark{2}, Boot: "b"}, Attested: "b", Machine: "m", Stopped: "why",
			Seen: backend.Sighting{Cluster: 1<<64 - 1, Revision: 5, At: 6, Recovery: 7},
		},
		Blocks: []backend.Block{
			{First: ip("10.1.0.0"), Last: ip("10.1.0.15"), State: backend.Open, Mark: backend.Mark{3}},
			{First: ip("fd00::"), Last: ip("fd00::f"), State: backend.Requested},
		},
	}
}

// Programs that know nothing of blocks reject the file, by the key "member".
const sharedText = `{"leasehold":1,"network":"podnet","store":"bolt","member":{"sequence":9,"cluster":"dc1","space":"pods","hostBytes":"bm9kZS3/","incarnation":"01000000000000000000000000000000","machine":"m","stopped":"why","intent":"claim","intentMark":"02000000000000000000000000000000","seenCluster":"ffffffffffffffff","seenRevision":5,"seenAt":6,"seenRecovery":7},"blocks":2}
{"network":"podnet","block":"10.1.0.0","last":"10.1.0.15","state":"open","mark":"03000000000000000000000000000000"}
{"network":"podnet","block":"fd00::","last":"fd00::f","state":"requested"}
{"network":"podnet","address":"10.1.0.3","containerID":"old"}
{"end":"podnet","leases":1}
`

func TestShared(t *testing.T) {
	var file bytes.Buffer
	_, err := dump.Write(&file, "podnet", "bolt", shared())
	require.NoError(t, err)
	require.Equal(t, sharedText, file.String())
	r := dump.NewReader(&file)
	n, err := r.Next()
	require.NoError(t, err)
	want := shared()
	require.Equal(t, want.Membership.Doubted(), n.Membership)
	require.Equal(t, want.Blocks, n.Blocks)
	require.NoError(t, n.Keep(), "and written and read again")
	for l, err := range n.Leases {
		require.NoError(t, err)
		require.Equal(t, ip("10.1.0.3"), l.Addr)
	}
}

func TestReaderRejectsShared(t *testing.T) {
	const network = `{"leasehold":1,"network":"podnet"`
	header := func(more string) string { return network + "," + more + "}\n" }
	block := func(more string) string { return `{"network":"podnet",` + more + "}\n" }
	one := header(`"member":{"space":"a"},"blocks":1`)
	for file, text := range map[string]string{
		header(`"blocks":1`):                          "line 1: blocks: member is missing",
		header(`"member":{}`):                         "line 1: member: it is empty",
		header(`"member":5`):                          "line 1: member: want a JSON object",
		header(`"member":{"attested":"b"}`):           `line 1: member: unknown key "attested"`,
		header(`"member":{"sequence":-1}`):            "line 1: member: a number is negative",
		header(`"member":{"space":"a"},"blocks":-1`):  "line 1: member: a number is negative",
		header(`"member":{"incarnation":"1"}`):        `line 1: member: incarnation: mark "1": want 32 hexadecimal digits`,
		header(`"member":{"seenCluster":"x"}`):        "line 1: member: seenCluster:",
		header(`"member":{"space":" a"}`):             "line 1: invalid argument: membership:",
		one:                                           "the file is truncated: network podnet ends after 0 leases",
		one + lease(1, ""):                            "line 2: network podnet has fewer blocks than its header says",
		one + block(`"block":"10.0.0.0"`):             `line 2: state: block state "": want requested, open or closing`,
		one + block(`"block":"10.0.0.0","state":"x"`): `line 2: state: block state "x"`,
		one + block(`"block":"10.0.0.0","last":"10.0.0.1","state":"open","more":1`):                      `line 2: unknown key "more"`,
		one + block(`"block":"10.0.0.1","last":"10.0.0.0","state":"open"`):                               "line 2: invalid argument: block 10.0.0.1-10.0.0.0 ends before it begins",
		one + `{"network":"other","block":"10.0.0.0","last":"10.0.0.0","state":"open"}` + "\n":           `line 2: network "other": want podnet`,
		one + block(`"block":"10.0.0.0","last":"10.0.0.1","state":"open"`) + block(`"block":"10.0.0.0"`): "line 3: network podnet has more blocks than its header says: 1",
		header(`"member":{"space":"a"},"blocks":2`) + block(`"block":"10.0.0.0","last":"10.0.0.1","state":"open"`) +
			block(`"block":"10.0.0.1","last":"10.0.0.1","state":"open"`): "line 3: invalid argument: block 10.0.0.1-10.0.0.1 overlaps block 10.0.0.0-10.0.0.1",
	} {
		_, err := read([]byte(file))
		require.ErrorContains(t, err, text, file)
	}
}
