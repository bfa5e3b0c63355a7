package plot

import (
	"image/color"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg/draw"

	"github.com/leasehold/leasehold/bench/compare/internal/peers"
	"github.com/leasehold/leasehold/bench/compare/internal/samples"
)

// colors is the palette of Okabe and Ito: most people with a color vision deficiency can tell
// them apart. The shapes of the marks differ too. A peer has the same in every figure.
var colors = [...]color.Color{
	color.RGBA{R: 0xD5, G: 0x5E, A: 255},
	color.RGBA{R: 0xE6, G: 0x9F, A: 255},
	color.RGBA{G: 0x72, B: 0xB2, A: 255},
	color.RGBA{R: 0x56, G: 0xB4, B: 0xE9, A: 255},
	color.RGBA{R: 0xCC, G: 0x79, B: 0xA7, A: 255},
	color.RGBA{G: 0x9E, B: 0x73, A: 255},
	color.RGBA{R: 0x66, G: 0x66, B: 0x66, A: 255},
}

// A line is the values of one peer.
type line struct {
	store  string
	number int // of the peer, which decides on color and shape
	points points
}

type point struct {
	x float64
	samples.Summary
}

// points implement the interfaces of the plotters.
type points []point

func (p points) Len() int                { return len(p) }
func (p points) XY(i int) (x, y float64) { return p[i].x, p[i].Median }
func (p points) YError(i int) (low, high float64) {
	return p[i].Median - p[i].P10, p[i].P90 - p[i].Median
}

// lines returns a line for each peer that has values.
func (p Panel) lines(s *samples.Set) []line {
	scale := 1.0
	if strings.HasSuffix(p.Unit, "-ns") {
		scale = 1e-6
	}
	var lines []line
	for number, store := range peers.Names() {
		l := line{store: store, number: number}
		for x, k := range p.keys(s) {
			k.Store = store
			if values := s.Values(k, p.Unit); values != nil {
				sum := samples.Summarize(values)
				sum = samples.Summary{P10: sum.P10 * scale, Median: sum.Median * scale, P90: sum.P90 * scale}
				l.points = append(l.points, point{float64(x), sum})
			}
		}
		if l.points != nil {
			lines = append(lines, l)
		}
	}
	return lines
}

func (l line) color() color.Color { return colors[l.number%len(colors)] }

func (l line) glyph() draw.GlyphStyle {
	return draw.GlyphStyle{Color: l.color(), Radius: 3, Shape: plotutil.Shape(l.number)}
}

func (l line) addTo(out *plot.Plot) error {
	bars, err := plotter.NewYErrorBars(l.points)
	if err != nil {
		return err
	}
	bars.Color, bars.Width, bars.CapWidth = l.color(), 0.7, 4
	connection, marks, err := plotter.NewLinePoints(l.points)
	if err != nil {
		return err
	}
	connection.Color, connection.Width = l.color(), 1.4
	marks.GlyphStyle = l.glyph()
	out.Add(bars, connection, marks)
	return nil
}
