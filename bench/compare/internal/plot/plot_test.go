package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/peers"
	"github.com/leasehold/leasehold/bench/compare/internal/samples"
)

func set() *samples.Set {
	s := new(samples.Set)
	for _, leases := range []int{0, 110, 20_000, 1_000_000} {
		for _, store := range []string{peers.Bolt, peers.Stock} {
			for _, ms := range []float64{2, 3, 40} {
				s.Add(samples.Key{Store: store, FS: "ext4", Leases: leases}, "ADD-ns", ms*1e6)
				s.Add(samples.Key{Store: store, FS: "ext4", Leases: leases}, "commands/s", ms)
			}
		}
	}
	return s
}

func figure() Figure {
	all := func(samples.Key) bool { return true }
	leases := func(k samples.Key) int { return k.Leases }
	return Figure{Title: "ADD on ext4", Panels: []Panel{
		{Title: "ADD", X: "leases held", Y: "ms", Unit: "ADD-ns", Keep: all, Tick: leases},
		{Title: "rate", X: "leases held", Unit: "commands/s", Keep: func(k samples.Key) bool { return k.Leases < 1000 }, Tick: leases},
	}}
}

// texts returns the texts of a drawing. It fails unless the drawing is XML.
func texts(t *testing.T, svg []byte) map[string]int {
	t.Helper()
	all := make(map[string]int)
	d := xml.NewDecoder(bytes.NewReader(svg))
	inText := false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			inText = token.Name.Local == "text"
		case xml.EndElement:
			inText = false
		case xml.CharData:
			if inText {
				all[string(token)]++
			}
		}
	}
}

func TestSVG(t *testing.T) {
	svg, err := figure().SVG(set())
	require.NoError(t, err)
	got := texts(t, svg)
	for _, want := range []string{"ADD on ext4", "ADD", "leases held", "ms", "rate", "110", "20k", "1M", "10"} {
		require.Contains(t, got, want)
	}
	require.Equal(t, 1, got["stock"], "the legend has each peer once")

	again, err := figure().SVG(set())
	require.NoError(t, err)
	require.Equal(t, svg, again, "so that versions can be compared")
	_, err = figure().SVG(new(samples.Set))
	require.EqualError(t, err, "figure ADD on ext4: no samples of ADD-ns")
}

func TestLines(t *testing.T) {
	lines := figure().Panels[0].lines(set())
	require.Len(t, lines, 2)
	require.Equal(t, peers.Stock, lines[0].store, "in the order of the names")
	require.NotEqual(t, lines[0].color(), lines[1].color())
	require.Len(t, lines[1].points, 4)
	require.InDelta(t, 3, lines[1].points[3].Median, 1e-9, "in milliseconds")
	require.Equal(t, 3.0, lines[1].points[3].x)
	require.Len(t, figure().Panels[1].lines(set())[0].points, 2)
}
