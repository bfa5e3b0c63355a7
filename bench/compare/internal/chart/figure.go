// Package chart draws what was measured, as SVG.
//
// A [Figure] is panels side by side that share one legend. A line goes through the
// medians; bars at each point reach from the 10th to the 90th percentile.
package chart

import (
	"bytes"
	"image/color"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A Figure is panels side by side, of at least one.
type Figure struct {
	Title  string
	Panels []Panel
}

// A Panel is a coordinate system with lines.
type Panel struct {
	Title string
	X, Y  string // what the axes are
	Log   bool   // the y axis is logarithmic

	// Ticks are the texts at 0, 1, 2 and so on of the x axis. Without them it is
	// an axis of numbers.
	Ticks []string

	// Apart says that the points of a line are different things, which no line
	// joins.
	Apart bool

	Lines []Line
}

// A Line is the values of one contestant.
type Line struct {
	Name   string
	Color  int // lines of one color are of one contestant
	Points []Point
}

// A Point is a summary of values at a place of the x axis.
type Point struct {
	X                 float64
	Low, Median, High float64
}

// Sizes of a figure.
const (
	panelWidth  = 280 * vg.Length(1)
	panelHeight = 230 * vg.Length(1)
	legendWidth = 116 * vg.Length(1)
	headHeight  = 24 * vg.Length(1)
	gap         = 12 * vg.Length(1)
)

// SVG returns the drawing.
func (f Figure) SVG() ([]byte, error) {
	rows, columns := f.layout()
	canvas := vgsvg.NewWith(vgsvg.UseWH(
		panelWidth*vg.Length(columns)+legendWidth, panelHeight*vg.Length(rows)+headHeight))
	page := draw.New(canvas)
	page.SetColor(color.White)
	page.Fill(page.Rectangle.Path())
	page.FillText(textStyle(13), vg.Point{X: gap, Y: page.Max.Y - headHeight + 6}, f.Title)

	plots, err := f.plots(rows, columns)
	if err != nil {
		return nil, err
	}
	tiles := draw.Tiles{Rows: rows, Cols: columns, PadX: gap, PadY: 2 * gap, PadLeft: gap, PadBottom: 4}
	panels := draw.Crop(page, 0, -legendWidth, 0, -headHeight)
	for r, canvases := range plot.Align(plots, tiles, panels) {
		for c := range canvases {
			if plots[r][c] != nil {
				plots[r][c].Draw(canvases[c])
			}
		}
	}
	f.drawLegend(draw.Crop(page, page.Max.X-legendWidth+gap, 0, 0, -headHeight))

	var out bytes.Buffer
	_, err = canvas.WriteTo(&out)
	return out.Bytes(), err
}

// layout returns in how many rows and columns the panels stand: up to three side by
// side, and four in a square.
func (f Figure) layout() (rows, columns int) {
	n := len(f.Panels)
	columns = min(n, 3)
	if n == 4 {
		columns = 2
	}
	return (n + columns - 1) / columns, columns
}

// plots returns the panels in rows; in the last one some may be missing.
func (f Figure) plots(rows, columns int) ([][]*plot.Plot, error) {
	all := make([]*plot.Plot, rows*columns)
	for i, p := range f.Panels {
		var err error
		if all[i], err = p.plot(); err != nil {
			return nil, err
		}
	}
	return slices.Collect(slices.Chunk(all, columns)), nil
}

// drawLegend names each contestant once, whatever the panels that it is in.
func (f Figure) drawLegend(c draw.Canvas) {
	legend := plot.NewLegend()
	legend.TextStyle = textStyle(10)
	legend.Top, legend.Left = true, true
	legend.Padding = 4
	var seen []string
	for _, p := range f.Panels {
		for _, l := range p.Lines {
			if !slices.Contains(seen, l.Name) {
				seen = append(seen, l.Name)
				legend.Add(l.Name, &plotter.Scatter{GlyphStyle: l.glyph()})
			}
		}
	}
	legend.Draw(c)
}

func textStyle(size vg.Length) draw.TextStyle {
	return draw.TextStyle{Color: color.Black, Font: sans(size), Handler: plot.DefaultTextHandler}
}

func sans(size vg.Length) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
}
