// Package plot draws samples as SVG: panels with one legend. A line connects the medians,
// and bars reach from the 10th to the 90th percentile.
package plot

import (
	"bytes"
	"fmt"
	"image/color"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/leasehold/leasehold/bench/compare/internal/peers"
	"github.com/leasehold/leasehold/bench/compare/internal/samples"
	"github.com/leasehold/leasehold/internal/measure"
)

// A Figure is the panels of one file system.
type Figure struct {
	Title  string
	Panels []Panel // side by side
}

// A Panel shows one unit: a line for each peer, the y axis logarithmic.
type Panel struct {
	Title, X, Y string
	Unit        string
	Keep        func(samples.Key) bool // the keys on the x axis, next to each other
	Tick        func(samples.Key) int  // the number below each
}

const (
	panelWidth  = 280 * vg.Length(1)
	panelHeight = 230 * vg.Length(1)
	legendWidth = 116 * vg.Length(1)
	headHeight  = 24 * vg.Length(1)
	gap         = 12 * vg.Length(1)
)

// SVG returns the drawing.
func (f Figure) SVG(s *samples.Set) ([]byte, error) {
	canvas := vgsvg.NewWith(vgsvg.UseWH(panelWidth*vg.Length(len(f.Panels))+legendWidth, panelHeight+headHeight))
	page := draw.New(canvas)
	page.SetColor(color.White)
	page.Fill(page.Rectangle.Path())
	page.FillText(textStyle(13), vg.Point{X: gap, Y: page.Max.Y - headHeight + 6}, f.Title)

	legend := plot.NewLegend()
	legend.TextStyle = textStyle(10)
	legend.Top, legend.Left = true, true
	legend.Padding = 4
	var plots []*plot.Plot
	var shown []string
	for _, p := range f.Panels {
		drawn, names, err := p.draw(s)
		if err != nil {
			return nil, err
		}
		if names == nil {
			return nil, fmt.Errorf("figure %s: no samples of %s", f.Title, p.Unit)
		}
		plots = append(plots, drawn)
		for _, name := range names {
			if !slices.Contains(shown, name) {
				shown = append(shown, name)
				legend.Add(name, &plotter.Scatter{GlyphStyle: glyph(name)})
			}
		}
	}
	tiles := draw.Tiles{Rows: 1, Cols: len(plots), PadX: gap, PadLeft: gap, PadBottom: 4}
	panels := draw.Crop(page, 0, -legendWidth, 0, -headHeight)
	for i, canvas := range plot.Align([][]*plot.Plot{plots}, tiles, panels)[0] {
		plots[i].Draw(canvas)
	}
	legend.Draw(draw.Crop(page, page.Max.X-legendWidth+gap, 0, 0, -headHeight))

	var out bytes.Buffer
	_, err := canvas.WriteTo(&out)
	return out.Bytes(), err
}

func textStyle(size vg.Length) draw.TextStyle {
	return draw.TextStyle{Color: color.Black, Font: sans(size), Handler: plot.DefaultTextHandler}
}

func sans(size vg.Length) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
}

// draw lays out one panel, and returns the peers that have values.
func (p Panel) draw(s *samples.Set) (out *plot.Plot, names []string, err error) {
	out = plot.New()
	out.Title.Text = p.Title
	out.Title.TextStyle.Font = sans(11)
	out.Title.Padding = 6
	for _, axis := range []*plot.Axis{&out.X, &out.Y} {
		axis.Label.TextStyle.Font = sans(10)
		axis.Tick.Label.Font = sans(9)
	}
	out.X.Label.Text, out.Y.Label.Text = p.X, p.Y
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = color.Gray{Y: 232}, color.Gray{Y: 232}
	out.Add(grid)
	keys := slices.DeleteFunc(s.Rows(p.Unit), func(k samples.Key) bool { return !p.Keep(k) })
	for _, name := range peers.Names() {
		if l := p.line(s, keys, name); l.Len() > 0 {
			names = append(names, name)
			if err := l.addTo(out, glyph(name)); err != nil {
				return nil, nil, err
			}
		}
	}
	var ticks plot.ConstantTicks
	for i, k := range keys {
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: thousands(p.Tick(k))})
	}
	out.X.Tick.Marker = ticks
	out.X.Min, out.X.Max = -0.3, float64(len(ticks))-0.7
	out.Y.Scale, out.Y.Tick.Marker = plot.LogScale{}, logTicks{}
	out.Y.Min, out.Y.Max = out.Y.Min/1.3, out.Y.Max*1.3
	return out, names, nil
}

// A line is the values of one peer.
type line struct {
	plotter.XYs
	plotter.YErrors
}

func (p Panel) line(s *samples.Set, keys []samples.Key, name string) (l line) {
	scale := 1.0
	if strings.HasSuffix(p.Unit, "-ns") {
		scale = 1e-6
	}
	for x, k := range keys {
		k.Store = name
		if values := s.Values(k, p.Unit); values != nil {
			sum := measure.Summarize(values)
			l.XYs = append(l.XYs, plotter.XY{X: float64(x), Y: sum.Median * scale})
			l.YErrors = append(l.YErrors, struct{ Low, High float64 }{
				Low: (sum.Median - sum.P10) * scale, High: (sum.P90 - sum.Median) * scale})
		}
	}
	return l
}

func (l line) addTo(out *plot.Plot, style draw.GlyphStyle) error {
	bars, err := plotter.NewYErrorBars(l)
	if err != nil {
		return err
	}
	bars.Color, bars.Width, bars.CapWidth = style.Color, 0.7, 4
	connection, marks, err := plotter.NewLinePoints(l)
	if err != nil {
		return err
	}
	connection.Color, connection.Width = style.Color, 1.4
	marks.GlyphStyle = style
	out.Add(bars, connection, marks)
	return nil
}

// colors is the palette of Okabe and Ito: most people with a color vision deficiency can tell
// them apart.
var colors = [...]color.Color{
	color.RGBA{R: 0xD5, G: 0x5E, A: 255}, color.RGBA{R: 0xE6, G: 0x9F, A: 255}, color.RGBA{G: 0x72, B: 0xB2, A: 255},
	color.RGBA{R: 0x56, G: 0xB4, B: 0xE9, A: 255}, color.RGBA{R: 0xCC, G: 0x79, B: 0xA7, A: 255},
	color.RGBA{G: 0x9E, B: 0x73, A: 255}, color.RGBA{R: 0x66, G: 0x66, B: 0x66, A: 255},
}

// glyph returns the mark of a peer, the same in every figure. The shapes differ too.
func glyph(name string) draw.GlyphStyle {
	i := slices.Index(peers.Names(), name)
	return draw.GlyphStyle{Color: colors[i%len(colors)], Radius: 3, Shape: plotutil.Shape(i)}
}

func thousands(n int) string {
	switch {
	case n >= 1_000_000:
		return strconv.Itoa(n/1_000_000) + "M"
	case n >= 10_000:
		return strconv.Itoa(n/1_000) + "k"
	}
	return strconv.Itoa(n)
}

// logTicks are ticks with a text at powers of ten and, on an axis shorter than two of them, also
// at twice and five times these.
type logTicks struct{}

// Ticks implements [plot.Ticker].
func (logTicks) Ticks(low, high float64) []plot.Tick {
	ticks := plot.LogTicks{Prec: -1}.Ticks(low, high)
	for i, t := range ticks {
		text := strconv.FormatFloat(t.Value, 'f', -1, 64)
		if digit := strings.Trim(text, "0."); high/low < 100 && (digit == "2" || digit == "5") {
			ticks[i].Label = text
		}
	}
	return ticks
}
