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

func TestLine(t *testing.T) {
	keys := set().Rows("ADD-ns")
	l := figure().Panels[0].line(set(), keys, peers.Stock)
	require.Len(t, l.XYs, 4)
	require.Equal(t, 3.0, l.XYs[3].X)
	require.InDelta(t, 3, l.XYs[3].Y, 1e-9, "in milliseconds")
	low, high := l.YError(3)
	require.InDelta(t, 0.8, low, 1e-9)
	require.InDelta(t, 29.6, high, 1e-9)
	require.Empty(t, figure().Panels[0].line(set(), keys, peers.Files).XYs)
	require.NotEqual(t, glyph(peers.Stock), glyph(peers.Bolt))
}
