package report

import (
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

func TestShort(t *testing.T) {
	for x, want := range map[float64]string{1.8: "1.8", 5: "5", 50: "50", 300: "300", 0.9: "0.9", 200_000: "200,000"} {
		require.Equal(t, want, short(x))
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
	require.Equal(t, "7.00", summary([]float64{7}))
	require.Equal(t, "2.00 (1.20–2.80)", summary([]float64{3, 1, 2}))
}

func TestGridKeepsItsLabels(t *testing.T) {
	got := grid{
		labels: 1,
		head:   []string{"a", "b", "c"},
		rows:   [][]string{{nothing, nothing, "1"}, {nothing, nothing, nothing}},
	}.keep()
	require.Equal(t, grid{labels: 1, head: []string{"a", "c"}, rows: [][]string{{nothing, "1"}, {nothing, nothing}}}, got)
}
