package report

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNumber(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0.00", 0.994: "0.99", 1: "1.00", 9.994: "9.99", 9.996: "10.0", 99.94: "99.9", 99.96: "100",
		769.6: "770", 1234.5: "1,235", 1_000_000: "1,000,000",
	} {
		require.Equal(t, want, number(x))
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 12: "12", 999: "999", 1000: "1,000", 65_000: "65,000", 999_999: "999,999", 1_000_000: "1,000,000",
	} {
		require.Equal(t, want, grouped(n))
	}
}

func TestSummary(t *testing.T) {
	require.Equal(t, nothing, summary(nil))
	require.Equal(t, "2.00 (1.20–2.80)", summary([]float64{3, 1, 2}))
}

func TestTableKeepsItsFirstColumn(t *testing.T) {
	got := table{
		head: []string{"a", "b", "c"},
		rows: [][]string{{nothing, nothing, "1"}, {nothing, nothing, nothing}},
	}.keep()
	require.Equal(t, table{head: []string{"a", "c"}, rows: [][]string{{nothing, "1"}, {nothing, nothing}}}, got)
}

type broken struct{ room int }

func (b *broken) Write(p []byte) (int, error) {
	if b.room -= len(p); b.room < 0 {
		return 0, errors.New("full")
	}
	return len(p), nil
}

// A table that ends in the middle must not pass for one that is shorter.
func TestWriteFails(t *testing.T) {
	var r Results
	r.Contestants = []string{"one"}
	r.Rounds = 1
	r.Programs = []Program{{"one", "v1"}}
	r.Add(0, "one", "ADD", 1)
	for room := range 100 {
		require.EqualError(t, r.Write(&broken{room}, nil), "full")
	}
}
