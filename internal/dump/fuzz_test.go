package dump_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzRead holds that no file makes the reader panic, that what it takes can be
// stored, and that it comes back if it is written again.
func FuzzRead(f *testing.F) {
	v1, err := os.ReadFile("testdata/v1.jsonl")
	require.NoError(f, err)
	f.Add(v1)
	for _, file := range []string{
		"", "{}", "null", `{"leasehold":2}`, header, header + end(0), header + lease(1, "") + end(1),
		header + lease(1, `,"ifname":"\u0065\"\\","sinceUnix":-9223372036854775808`) + end(1),
		header + lease(1, `,"x":[{"a":"}"}],"netnsBytes":"//79"`) + lease(2, "") + end(2),
		"\r\n" + `{ "cursors" : { "0" : "FD00::1" } , "leasehold" : 1 , "network" : "a" }` + "\r\n",
	} {
		f.Add([]byte(file))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		networks, err := read(file)
		for _, n := range networks {
			for _, l := range n.leases {
				require.NoError(t, l.Validate())
			}
		}
		if err != nil {
			return
		}
		require.NotEmpty(t, networks)
		again, err := read(write(t, networks...))
		require.NoError(t, err)
		require.Equal(t, networks, again)
	})
}
