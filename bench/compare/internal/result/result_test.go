package result_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/machine"
	"github.com/leasehold/leasehold/bench/compare/internal/result"
)

func results() *result.Results {
	r := &result.Results{
		Part:        "whole",
		Date:        "2025-12-31",
		Machine:     machine.Machine{CPU: "Abacus", Cores: 2},
		Programs:    []result.Program{{Name: "slow", Version: "v1"}},
		FileSystems: map[string]string{"disk": "ext4 on /dev/vda"},
		Missing:     map[string]string{"empty C": "no compiler"},
	}
	k := result.Key{FileSystem: "disk", Leases: 110, Contestant: "slow", Measure: "ADD"}
	r.Add(k, result.Nanoseconds, 3)
	k.Measure = "DEL"
	r.Add(k, result.Nanoseconds, 5)
	k.Measure = "ADD"
	r.Add(k, result.Nanoseconds, 2.5)
	return r
}

func TestAdd(t *testing.T) {
	r := results()
	require.Len(t, r.Series, 2)
	k := r.Series[0].Key
	require.Equal(t, []float64{3, 2.5}, r.Values(k))
	k.AtOnce = 8
	require.Nil(t, r.Values(k))
}

func TestWriteAndRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results", "whole.json")
	none, err := result.Read(path)
	require.NoError(t, err)
	require.Nil(t, none)

	require.NoError(t, results().Write(path))
	got, err := result.Read(path)
	require.NoError(t, err)
	require.Equal(t, results(), got)

	text, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := strings.Split(string(text), "\n")
	require.Contains(t, lines, "\t\t"+`{"fileSystem":"disk","leases":110,"contestant":"slow","measure":"ADD","unit":"ns","values":[3,2.5]},`)
	require.Contains(t, lines, "\t\t"+`{"fileSystem":"disk","leases":110,"contestant":"slow","measure":"DEL","unit":"ns","values":[5]}`)
}

func TestNoSeries(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.json")
	require.NoError(t, new(result.Results).Write(path))
	got, err := result.Read(path)
	require.NoError(t, err)
	require.Empty(t, got.Series)
}

func TestReadWhatIsNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bad.json")
	require.NoError(t, os.WriteFile(path, []byte("{"), 0o600))
	_, err := result.Read(path)
	require.ErrorContains(t, err, "bad.json")
}
