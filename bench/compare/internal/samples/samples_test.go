package samples_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/samples"
)

func set() *samples.Set {
	s := &samples.Set{Part: "whole", Config: [][2]string{{"date", "2025-12-31"}, {"cpu", "Abacus: 2 wires"}}}
	for _, store := range []string{"slow", "bolt-at-0"} {
		k := samples.Key{Store: store, FS: "ext4", Case: "dual-stack", Leases: 110, AtOnce: 8}
		s.Add(k, "size-B", 4096)
		for _, ns := range []float64{3, 2.5, 1e9 / 3} {
			s.Add(k, "ADD-ns", ns)
			s.Add(k, "size-B", 1e21+ns)
		}
	}
	s.Add(samples.Key{Store: "slow", FS: "tmpfs"}, "commands/s", 7)
	return s
}

func TestAdd(t *testing.T) {
	s := set()
	k := samples.Key{Store: "slow", FS: "ext4", Case: "dual-stack", Leases: 110, AtOnce: 8}
	require.Equal(t, []float64{3, 2.5, 1e9 / 3}, s.Values(k, "ADD-ns"))
	require.Nil(t, s.Values(k, "DEL-ns"))
	require.Equal(t, []string{"size-B", "ADD-ns", "commands/s"}, s.Units())
	require.Equal(t, []string{"slow", "bolt-at-0"}, s.Stores("ADD-ns"))
	k.Store = ""
	require.Equal(t, []samples.Key{k}, s.Rows("ADD-ns"))
	require.Equal(t, []float64{1, 1, 1}, s.Ratios(k, "ADD-ns", "slow", "bolt-at-0"))
	require.Nil(t, s.Ratios(k, "ADD-ns", "slow", "absent"))
}

// What is read is what was measured, to the last bit.
func TestWriteAndRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results", "whole.txt")
	none, err := samples.Read(path)
	require.NoError(t, err)
	require.Nil(t, none)
	require.NoError(t, set().Write(path))
	got, err := samples.Read(path)
	require.NoError(t, err)
	require.Equal(t, set(), got)

	text, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := strings.Split(string(text), "\n")
	require.Equal(t, []string{"part: whole", "date: 2025-12-31", "cpu: Abacus: 2 wires", ""}, lines[:4])
	require.Equal(t, "BenchmarkWhole/store=slow/fs=ext4/case=dual-stack/leases=110/at-once=8 1 4096 size-B 3 ADD-ns", lines[4])
}

// benchstat takes the keys of a name for what they are, the end of bolt-at-0 included.
func TestBenchstatReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "whole.txt")
	require.NoError(t, set().Write(path))
	out, err := exec.Command("go", "tool", "benchstat", "-format", "csv", "-filter", "/fs:ext4", "-row", "/leases", "-col", "/store", path).Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "cpu: Abacus: 2 wires")
	require.Contains(t, string(out), ",slow,,bolt-at-0,")
	require.Contains(t, string(out), "ADD-sec")
	require.Contains(t, string(out), "\n110,3")
}

func TestReadErrors(t *testing.T) {
	for text, want := range map[string]string{
		"BenchmarkWhole/store=a/fs=b/leases=many 1 2 ns": "not a name of the comparison: Whole/store=a/fs=b/leases=many",
		"BenchmarkWhole/weight=1 1 2 ns":                 "not a name of the comparison",
		"BenchmarkWhole 1 2":                             "not a benchmark result",
	} {
		path := filepath.Join(t.TempDir(), "bad.txt")
		require.NoError(t, os.WriteFile(path, []byte("part: whole\n"+text+"\n"), 0o600))
		_, err := samples.Read(path)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "bad.txt")
	}
}

// In every round a takes twice as long as b, on a machine whose speed changes from round to
// round. The medians alone would say something else.
func TestRatiosArePairs(t *testing.T) {
	s := new(samples.Set)
	add := func(store string, values ...float64) {
		for _, v := range values {
			s.Add(samples.Key{Store: store}, "ns", v)
		}
	}
	add("a", 2, 20, 200)
	add("b", 1, 10, 100)
	add("c", 100, 10, 1)
	add("one", 1)
	require.Equal(t, []float64{2, 2, 2}, s.Ratios(samples.Key{}, "ns", "a", "b"))
	require.Equal(t, []float64{0.02, 2, 200}, s.Ratios(samples.Key{}, "ns", "a", "c"))
	require.PanicsWithValue(t, "ratios of 3 rounds to 1 rounds", func() { s.Ratios(samples.Key{}, "ns", "a", "one") })
}

func TestTrimRounds(t *testing.T) {
	s := new(samples.Set)
	a, b, other := samples.Key{Store: "a", FS: "ext4"}, samples.Key{Store: "b", FS: "ext4"}, samples.Key{Store: "a", FS: "xfs"}
	for _, k := range []samples.Key{a, b, a, b, a} {
		s.Add(k, "ADD-ns", 1)
	}
	s.Add(a, "DEL-ns", 2)
	s.Add(other, "ADD-ns", 3)
	s.TrimRounds()
	require.Equal(t, []float64{1, 1}, s.Values(a, "ADD-ns"))
	require.Equal(t, []float64{1, 1}, s.Values(b, "ADD-ns"))
	require.Equal(t, []float64{2}, s.Values(a, "DEL-ns"), "another unit")
	require.Equal(t, []float64{3}, s.Values(other, "ADD-ns"), "another file system")
}
