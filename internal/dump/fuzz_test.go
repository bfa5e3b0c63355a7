package dump_test

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
)

// FuzzRead checks that no file makes the reader panic, that everything it accepts can be
// stored and survives a round trip, and that it rejects a file with missing lines.
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
			require.NoError(t, config.CheckName(n.name), "it becomes part of a path")
			for _, l := range n.leases {
				require.NoError(t, l.Validate())
			}
		}
		if err != nil {
			require.Regexp(t, "^(line [0-9]+: |the file )", err.Error())
			return
		}
		require.NotEmpty(t, networks)
		whole := write(t, networks...)
		again, err := read(whole)
		require.NoError(t, err)
		require.Equal(t, networks, again)
		if len(networks[0].leases) > 0 {
			lines := bytes.SplitAfter(whole, []byte("\n"))
			_, err := read(bytes.Join(slices.Delete(lines, 1, 2), nil))
			require.Error(t, err, "a lease is missing")
		}
		if half, err := read(file[:len(file)/2]); err == nil {
			require.Equal(t, networks[:len(half)], half)
		}
	})
}
