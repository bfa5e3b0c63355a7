package dump_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/dump"
)

// A truncated file is rejected, wherever it was cut.
func TestTruncatedFileIsRejected(t *testing.T) {
	file, err := os.ReadFile("testdata/v1.jsonl")
	require.NoError(t, err)
	whole := map[int]bool{len(file): true, len(file) - 1: true}
	end := bytes.Index(file, []byte(`{"leasehold":1,"network":"empty`))
	whole[end], whole[end-1] = true, true
	for n := range len(file) + 1 {
		_, err := read(file[:n])
		require.Equal(t, whole[n], err == nil, "%d bytes: %v", n, err)
	}
}

func TestReaderAcceptsAnySpelling(t *testing.T) {
	got, err := read([]byte("\n  { \"boot\" : \"\\u0062\" , \"network\":\"pod\\u006eet\",\r\t\"leasehold\":1, \"cursors\":{ } , \"store\":\"\"}\r\n\r\n" +
		`{"since":"2026-01-02T04:04:05.9+01:00","containerIDBytes":"Yw==","ifname":"","ifnameBytes":"","address":"FD00:0::0A","network":"podnet","netns":"\ud83d\ude00"}` + "\n" +
		`{"leases":1,"end":"podnet"}`))
	require.NoError(t, err)
	require.Equal(t, []network{{name: "podnet", boot: "b", leases: []backend.Lease{{
		Addr: ip("fd00::a"), Owner: backend.Owner{ContainerID: "c"}, Netns: "😀",
		Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}}}}, got)
}

// Skipped leases are checked too.
func TestNextSkipsLeases(t *testing.T) {
	file, err := os.ReadFile("testdata/v1.jsonl")
	require.NoError(t, err)
	for _, before := range []int{0, 1, 4} {
		r := dump.NewReader(bytes.NewReader(file))
		first, err := r.Next()
		require.NoError(t, err)
		require.Len(t, take(t, first, before), before)
		second, err := r.Next()
		require.NoError(t, err)
		require.Equal(t, "empty.net-2", second.Name)
		for range 2 {
			_, err = r.Next()
			require.ErrorIs(t, err, io.EOF)
		}
	}

	r := dump.NewReader(strings.NewReader(strings.Replace(string(file), "10.1.0.10", "10.1.0.1", 1)))
	first, err := r.Next()
	require.NoError(t, err)
	require.Len(t, take(t, first, 1), 1)
	for range 2 {
		_, err = r.Next()
		require.ErrorContains(t, err, "line 4: 10.1.0.1 comes after 10.1.0.3")
	}
}

// take reads at most n leases.
func take(t *testing.T, of *dump.Network, n int) (taken []backend.Lease) {
	t.Helper()
	if n == 0 {
		return nil
	}
	for l, err := range of.Leases {
		require.NoError(t, err)
		if taken = append(taken, l); len(taken) == n {
			break
		}
	}
	return taken
}

// A second reading must not look like a network without leases.
func TestLeasesAreReadOnce(t *testing.T) {
	file, err := os.ReadFile("testdata/v1.jsonl")
	require.NoError(t, err)
	r := dump.NewReader(bytes.NewReader(file))
	again := func(n *dump.Network) {
		got := 0
		for _, err := range n.Leases {
			got++
			require.ErrorContains(t, err, "the leases of network "+n.Name+" were already read")
		}
		require.Equal(t, 1, got)
	}
	first, err := r.Next()
	require.NoError(t, err)
	require.Len(t, take(t, first, 2), 2)
	again(first)
	second, err := r.Next()
	require.NoError(t, err)
	again(first)
	require.Empty(t, take(t, second, 1))
	again(second)
}

func TestReaderReturnsErrorOfSource(t *testing.T) {
	file, err := os.ReadFile("testdata/v1.jsonl")
	require.NoError(t, err)
	unreadable := errors.New("unreadable")
	source := io.MultiReader(bytes.NewReader(file[:bytes.IndexByte(file, '\n')+1]), broken{unreadable})
	r := dump.NewReader(source)
	_, err = r.Next()
	require.NoError(t, err)
	_, err = r.Next()
	require.ErrorIs(t, err, unreadable)
	require.ErrorContains(t, err, "line 2: ")
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// The longest lease that a store can hold, in its longest encoding.
func TestLongestLease(t *testing.T) {
	name := strings.Repeat(`"`, backend.MaxNameLen)
	l := backend.Lease{
		Addr: ip("fd00::1"), Owner: backend.Owner{ContainerID: name, IfName: name},
		Boot: name, Pod: backend.Pod{Namespace: name, Name: name}, Netns: name,
	}
	want := []network{{name: "podnet", leases: []backend.Lease{l}}}
	file := write(t, want...)
	for _, file := range [][]byte{file, bytes.ReplaceAll(file, []byte(`\"`), []byte(`\u0022`))} {
		got, err := read(file)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// Kept leases can be read again, without the file.
func TestKeep(t *testing.T) {
	file, err := os.ReadFile("testdata/v1.jsonl")
	require.NoError(t, err)
	r := dump.NewReader(bytes.NewReader(file))
	first, err := r.Next()
	require.NoError(t, err)
	require.NoError(t, first.Keep())
	second, err := r.Next()
	require.NoError(t, err)
	require.NoError(t, second.Keep())
	_, err = r.Next()
	require.ErrorIs(t, err, io.EOF)
	for range 2 {
		require.Equal(t, v1[0].leases, take(t, first, 4))
		require.Len(t, take(t, first, 1), 1)
		require.Empty(t, take(t, second, 1))
	}

	r = dump.NewReader(bytes.NewReader(file[:bytes.Index(file, []byte(`{"end":"podnet"`))]))
	first, err = r.Next()
	require.NoError(t, err)
	require.ErrorIs(t, first.Keep(), io.ErrUnexpectedEOF)
}

// An error in one network does not keep the others from being read.
func TestSkip(t *testing.T) {
	network := func(name, more string) string {
		return fmt.Sprintf(`{"leasehold":1,"network":%q}`+"\n"+`{"network":%q,"address":"10.1.0.2","containerID":"c"}`+"\n%s"+`{"end":%q,"leases":1}`+"\n", name, name, more, name)
	}
	cut := strings.SplitAfter(network("cut", ""), "\n")[0]
	const unknown = `{"labels":{}}` + "\n"
	for name, text := range map[string]string{
		"an unknown line":        network("a", "") + network("bad", unknown) + network("b", ""),
		"no JSON":                network("a", "") + network("bad", "}\n") + network("b", ""),
		"an unknown header":      network("a", "") + strings.Replace(network("bad", ""), `"network"`, `"x":1,"network"`, 1) + network("b", ""),
		"a network is repeated":  network("a", "") + network("a", "") + network("b", ""),
		"a network has no end":   network("a", "") + cut + network("b", ""),
		"several":                network("a", "") + network("bad", unknown+"}\n"+unknown) + cut + network("b", ""),
		"it is the first":        network("bad", unknown) + network("a", "") + network("b", ""),
		"it is the last":         network("a", "") + network("b", "") + network("bad", unknown),
		"the last has no end":    network("a", "") + network("b", "") + cut,
		"something between them": network("a", "") + unknown + network("b", ""),
	} {
		t.Run(name, func(t *testing.T) {
			r := dump.NewReader(strings.NewReader(text))
			var whole []string
			failed := 0
			for {
				n, err := r.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err == nil {
					err = n.Keep()
				}
				if err == nil {
					whole = append(whole, n.Name)
				} else {
					failed++
				}
				if !r.Skip() {
					break
				}
			}
			require.Equal(t, []string{"a", "b"}, whole)
			require.Positive(t, failed)
		})
	}
	r := dump.NewReader(iotest.ErrReader(errors.New("pulled out")))
	_, err := r.Next()
	require.ErrorContains(t, err, "pulled out")
	require.False(t, r.Skip())
	r = dump.NewReader(strings.NewReader(strings.Repeat(" ", 2<<20) + "\n" + network("a", "")))
	_, err = r.Next()
	require.ErrorContains(t, err, "longer than")
	require.False(t, r.Skip(), "the end of a line that is too long is not looked for")
}
