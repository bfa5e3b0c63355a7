package chart

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"
)

// palette is that of Okabe and Ito, and some of Tol: most people who do not see all
// colors can tell these from each other.
var palette = [...]color.Color{
	color.RGBA{R: 0xD5, G: 0x5E, A: 255},
	color.RGBA{R: 0xE6, G: 0x9F, A: 255},
	color.RGBA{G: 0x72, B: 0xB2, A: 255},
	color.RGBA{R: 0x56, G: 0xB4, B: 0xE9, A: 255},
	color.RGBA{R: 0xCC, G: 0x79, B: 0xA7, A: 255},
	color.RGBA{G: 0x9E, B: 0x73, A: 255},
	color.RGBA{R: 0x66, G: 0x66, B: 0x66, A: 255},
	color.RGBA{R: 0x33, G: 0x22, B: 0x88, A: 255},
	color.RGBA{R: 0x99, G: 0x99, B: 0x33, A: 255},
	color.RGBA{R: 0x88, G: 0x22, B: 0x55, A: 255},
	color.RGBA{R: 0x00, G: 0x00, B: 0x00, A: 255},
}

// Colors is how many colors there are.
const Colors = len(palette)

// shapes differ too, for those who see none.
var shapes = [...]draw.GlyphDrawer{
	draw.CircleGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}, draw.RingGlyph{},
	draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.CrossGlyph{}, draw.PlusGlyph{},
}

func (l Line) color() color.Color { return palette[l.Color%Colors] }

func (l Line) glyph() draw.GlyphStyle {
	return draw.GlyphStyle{Color: l.color(), Radius: 3, Shape: shapes[l.Color%len(shapes)]}
}

func (p Panel) plot() (*plot.Plot, error) {
	out := plot.New()
	out.Title.Text = p.Title
	out.Title.TextStyle.Font = sans(11)
	out.Title.Padding = 6
	for _, axis := range []*plot.Axis{&out.X, &out.Y} {
		axis.Label.TextStyle.Font = sans(10)
		axis.Tick.Label.Font = sans(9)
	}
	out.X.Label.Text, out.Y.Label.Text = p.X, p.Y
	out.Add(grid())
	for _, l := range p.Lines {
		if err := p.add(out, l); err != nil {
			return nil, err
		}
	}
	p.scale(out)
	return out, nil
}

func grid() plot.Plotter {
	g := plotter.NewGrid()
	g.Vertical.Color, g.Horizontal.Color = color.Gray{Y: 232}, color.Gray{Y: 232}
	return g
}

func (p Panel) add(out *plot.Plot, l Line) error {
	if some := spread(l.Points); len(some) > 0 {
		bars, err := plotter.NewYErrorBars(some)
		if err != nil {
			return err
		}
		bars.Color, bars.Width, bars.CapWidth = l.color(), 0.7, 4
		out.Add(bars)
	}
	points, err := plotter.NewScatter(series(l.Points))
	if err != nil {
		return err
	}
	points.GlyphStyle = l.glyph()
	if !p.Apart {
		line, err := plotter.NewLine(series(l.Points))
		if err != nil {
			return err
		}
		line.Color, line.Width = l.color(), 1.4
		out.Add(line)
	}
	out.Add(points)
	return nil
}

// spread returns the points that have a spread: for others there is no bar to draw.
func spread(points []Point) series {
	var some series
	for _, p := range points {
		if p.Low < p.High {
			some = append(some, p)
		}
	}
	return some
}

// series is points as the plotters want them.
type series []Point

func (s series) Len() int                { return len(s) }
func (s series) XY(i int) (x, y float64) { return s[i].X, s[i].Median }
func (s series) YError(i int) (low, h float64) {
	return s[i].Median - s[i].Low, s[i].High - s[i].Median
}

// scale lays out the axes.
func (p Panel) scale(out *plot.Plot) {
	if p.Ticks != nil {
		out.X.Tick.Marker = places(p.Ticks)
		out.X.Min, out.X.Max = -0.3, float64(len(p.Ticks))-0.7
		if len(p.Ticks) > 0 && p.Apart {
			out.X.Tick.Label.Rotation = -math.Pi / 6
			out.X.Tick.Label.XAlign, out.X.Tick.Label.YAlign = draw.XLeft, draw.YCenter
		}
	} else {
		out.X.Min = 0
		out.X.Tick.Marker = numbers{}
	}
	low, high := p.extent()
	if p.Log {
		out.Y.Scale = plot.LogScale{}
		out.Y.Tick.Marker = decades{}
		out.Y.Min, out.Y.Max = low/1.3, high*1.3
	} else {
		out.Y.Tick.Marker = numbers{}
		out.Y.Min, out.Y.Max = 0, high*1.1
	}
}

// extent returns the least and the greatest value that is drawn, which are not 0 nor
// the same.
func (p Panel) extent() (low, high float64) {
	low, high = math.Inf(1), 0
	for _, l := range p.Lines {
		for _, point := range l.Points {
			low, high = min(low, point.Low), max(high, point.High)
		}
	}
	if high <= 0 {
		return 0.5, 2
	}
	return max(low, high*1e-9), high
}
