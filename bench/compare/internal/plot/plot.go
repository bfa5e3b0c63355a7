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
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/leasehold/leasehold/bench/compare/internal/samples"
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
	var seen []string
	for _, p := range f.Panels {
		lines := p.lines(s)
		if lines == nil {
			return nil, fmt.Errorf("figure %s: no samples of %s", f.Title, p.Unit)
		}
		drawn, err := p.draw(s, lines)
		if err != nil {
			return nil, err
		}
		plots = append(plots, drawn)
		for _, l := range lines {
			if !slices.Contains(seen, l.store) {
				seen = append(seen, l.store)
				legend.Add(l.store, &plotter.Scatter{GlyphStyle: l.glyph()})
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

// draw lays out one panel.
func (p Panel) draw(s *samples.Set, lines []line) (*plot.Plot, error) {
	out := plot.New()
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
	for _, l := range lines {
		if err := l.addTo(out); err != nil {
			return nil, err
		}
	}
	var ticks plot.ConstantTicks
	for i, k := range p.keys(s) {
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: thousands(p.Tick(k))})
	}
	out.X.Tick.Marker = ticks
	out.X.Min, out.X.Max = -0.3, float64(len(ticks))-0.7
	out.Y.Scale, out.Y.Tick.Marker = plot.LogScale{}, logTicks{}
	out.Y.Min, out.Y.Max = out.Y.Min/1.3, out.Y.Max*1.3
	return out, nil
}

func (p Panel) keys(s *samples.Set) []samples.Key {
	return slices.DeleteFunc(s.Rows(p.Unit), func(k samples.Key) bool { return !p.Keep(k) })
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
