package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func figure() Figure {
	lines := []Line{
		{Name: "slow", Color: 0, Points: []Point{{0, 4, 5, 6}, {1, 19, 20, 25}, {2, 300, 350, 400}}},
		{Name: "fast & steady", Color: 2, Points: []Point{{0, 3, 3.1, 3.3}, {1, 3, 3.1, 3.3}, {2, 3, 3, 3}}},
	}
	return Figure{
		Title: "ADD on ext4",
		Panels: []Panel{
			{Title: "milliseconds", X: "leases held", Y: "ms", Log: true, Ticks: []string{"0", "1,000", "20,000"}, Lines: lines},
			{Title: "many", X: "processes", Y: "a second", Lines: lines},
			{Title: "cases", Y: "ms", Log: true, Apart: true, Ticks: []string{"one", "two", "three"}, Lines: lines[1:]},
			{Title: "nothing", Y: "ms", Log: true},
		},
	}
}

// texts returns the texts of a drawing; it fails unless the drawing is XML.
func texts(t *testing.T, svg []byte) []string {
	t.Helper()
	var all []string
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
				all = append(all, string(token))
			}
		}
	}
}

func TestSVG(t *testing.T) {
	svg, err := figure().SVG()
	require.NoError(t, err)
	got := texts(t, svg)
	for _, want := range []string{
		"ADD on ext4", "milliseconds", "leases held", "1,000", "20,000", "processes", "a second", "three", "slow", "10", "100",
	} {
		require.Contains(t, got, want)
	}
	named := 0
	for _, text := range got {
		if text == "fast & steady" {
			named++
		}
	}
	require.Equal(t, 1, named, "the legend names everybody once")

	again, err := figure().SVG()
	require.NoError(t, err)
	require.Equal(t, svg, again, "the same every time, so that versions can be compared")
}

func TestSpread(t *testing.T) {
	points := []Point{{0, 1, 2, 3}, {1, 2, 2, 2}, {2, 2, 2, 4}}
	require.Equal(t, series{points[0], points[2]}, spread(points))
}

func TestLayout(t *testing.T) {
	for n, want := range map[int][2]int{1: {1, 1}, 2: {1, 2}, 3: {1, 3}, 4: {2, 2}, 5: {2, 3}, 6: {2, 3}, 7: {3, 3}} {
		f := Figure{Panels: make([]Panel, n)}
		rows, columns := f.layout()
		require.Equal(t, want, [2]int{rows, columns}, n)
		_, err := f.SVG()
		require.NoError(t, err)
	}
}

func TestExtent(t *testing.T) {
	low, high := figure().Panels[0].extent()
	require.Equal(t, 3.0, low)
	require.Equal(t, 400.0, high)
	low, high = Panel{Lines: []Line{{Points: []Point{{Low: 0, Median: 1, High: 2}}}}}.extent()
	require.Positive(t, low, "a logarithmic axis has no 0")
	require.Equal(t, 2.0, high)
}

func labels(low, high float64) []string {
	var all []string
	for _, tick := range (decades{}).Ticks(low, high) {
		if tick.Label != "" {
			all = append(all, tick.Label)
		}
	}
	return all
}

func TestDecades(t *testing.T) {
	require.Equal(t, []string{"2", "5", "10", "20"}, labels(1.5, 30))
	require.Equal(t, []string{"3", "4", "5"}, labels(2.5, 5.5))
	require.Equal(t, []string{"0.1", "0.2", "0.5", "1"}, labels(0.1, 1.9))
	require.Equal(t, []string{"1", "10", "100", "1000", "10k", "100k", "1M"}, labels(0.7, 2e6))
}

func TestText(t *testing.T) {
	for x, want := range map[float64]string{0: "0", 0.05: "0.05", 2.5: "2.5", 1500: "1500", 25_000: "25k", 2.5e6: "2.5M"} {
		require.Equal(t, want, Text(x))
	}
}
