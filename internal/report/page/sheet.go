package page

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/leasehold/leasehold/internal/picture"
	"github.com/leasehold/leasehold/internal/report"
)

// A sheet is the layout of one picture, for the script.
type sheet struct {
	Six   bool    `json:"six"`   // of IPv6 addresses
	Shift int     `json:"shift"` // a cell has 1<<shift addresses
	Side  int     `json:"side"`  // of a cell, in pixels
	Left  int     `json:"left"`  // of the first cell, in pixels
	First string  `json:"first"` // the ends of the range
	Last  string  `json:"last"`
	Rows  []strip `json:"rows"`

	drawing drawing
}

// A strip is a row of a sheet.
type strip struct {
	First string `json:"f"`           // of the first cell
	Y     int    `json:"y"`           // in cells, as are the others
	Text  string `json:"t,omitempty"` // of a row that is skipped
	Last  string `json:"l,omitempty"` // likewise

	// Cells has pairs: how many cells look alike, and the look: a number, or for cells of several
	// addresses the look and the counts of free, leased, earlier, torn, cooling, elsewhere and
	// withheld addresses without zeros at the end. -1 is outside the range.
	Cells []any `json:"c,omitempty"`
}

// A drawing is what the page shows of a sheet without a script, in pixels unless scaled by the side
// of a cell.
type drawing struct {
	Width, Height int
	Columns       int // cells of a line
	Paths         []path
	Labels        []label
	Blocks        []block
}

// A path has a horizontal line through each run of cells that look alike, in cells.
type path struct{ Class, D string }

type label struct {
	Class string
	X, Y  int
	Text  string
}

// A block is lines of cells without a gap, in cells.
type block struct{ Y, Height int }

const (
	charWidth  = 7  // of a label, whose font has a fixed width
	maxLabel   = 22 // characters
	skipHeight = 20 // of a row that is skipped, at least
)

// A form is how many cells a line has, how many lines there are at most, and how large cells are. With
// the lines of the last form a page has room for 10,000 leases of a /16 next to each other.
type form struct{ width, limit, side int }

func forms() []form { return []form{{16, 2, 34}, {32, 12, 22}, {64, 40, 14}, {128, 96, 8}} }

// sheets lays out the pictures of a network.
func sheets(n report.Network) []sheet {
	all := make([]sheet, len(n.Pictures))
	for i, p := range n.Pictures {
		all[i] = newSheet(p)
	}
	return all
}

func newSheet(p *picture.Picture) sheet {
	rng := p.Range()
	s := sheet{Six: rng.First().Is6(), First: rng.First().String(), Last: rng.Last().String()}
	var rows []picture.Row
	width := 0
	for i, f := range forms() {
		if i == 0 && rng.Size() > uint64(f.width) {
			continue
		}
		s.Side, width = f.side, f.width
		if rows, s.Shift = p.Rows(f.width, f.limit); s.Shift == 0 {
			break
		}
	}
	s.lay(rows, width)
	return s
}

// lay places the rows one below the other.
func (s *sheet) lay(rows []picture.Row, width int) {
	labels := labelsOf(rows)
	longest := 0
	for _, l := range labels {
		longest = max(longest, utf8.RuneCountInString(l))
	}
	s.Left = (longest + 1) * charWidth
	d := &s.drawing
	paths := make([]strings.Builder, len(picture.Looks()))
	y, skip := 0, (skipHeight+s.Side-1)/s.Side
	for i, r := range rows {
		if r.Cells == nil {
			text := r.Skipped.Text
			s.Rows = append(s.Rows, strip{First: r.First.String(), Last: r.Skipped.Span.Last.String(), Y: y, Text: text})
			d.Labels = append(d.Labels, label{"skipped", s.Left, (2*y+skip)*s.Side/2 + 4, text})
			y += skip
			continue
		}
		s.Rows = append(s.Rows, strip{First: r.First.String(), Y: y, Cells: runs(r.Cells, s.Shift > 0)})
		d.Labels = append(d.Labels, label{"label", 0, (2*y+1)*s.Side/2 + 4, labels[i]})
		draw(r.Cells, y, paths)
		d.addLine(y)
		y++
	}
	d.Width, d.Height, d.Columns = s.Left+width*s.Side, y*s.Side, width
	d.Labels = slices.DeleteFunc(d.Labels, isCrowded())
	for i, l := range picture.Looks() {
		if paths[i].Len() > 0 {
			d.Paths = append(d.Paths, path{l.Name, paths[i].String()})
		}
	}
}

// addLine adds a line to the last block, or begins one.
func (d *drawing) addLine(y int) {
	if n := len(d.Blocks) - 1; n >= 0 && d.Blocks[n].Y+d.Blocks[n].Height == y {
		d.Blocks[n].Height++
	} else {
		d.Blocks = append(d.Blocks, block{y, 1})
	}
}

// isCrowded returns a function that reports whether a label would overlap the one before it.
func isCrowded() func(label) bool {
	const height = 13
	last := -height
	return func(l label) bool {
		if l.Class != "label" || l.Y-last >= height {
			last = l.Y
			return false
		}
		return true
	}
}

// labelsOf returns the first addresses of the rows. Long ones are cut at the front, where they
// agree.
func labelsOf(rows []picture.Row) []string {
	labels := make([]string, len(rows))
	for i, r := range rows {
		labels[i] = r.First.String()
		if n := len(labels[i]); n > maxLabel {
			labels[i] = "…" + labels[i][n-maxLabel+1:]
		}
	}
	return labels
}

// draw adds the cells of a row to the paths of their looks.
func draw(cells []picture.Cell, y int, paths []strings.Builder) {
	for x := 0; x < len(cells); {
		n := 1
		for x+n < len(cells) && cells[x+n].Look == cells[x].Look {
			n++
		}
		if look := cells[x].Look; look != picture.Outside {
			fmt.Fprintf(&paths[look], "M%d %dh%d", x, y, n) // A Builder never fails.
		}
		x += n
	}
}

// runs returns the Cells of a strip.
func runs(cells []picture.Cell, counted bool) (all []any) {
	last := ""
	for _, c := range cells {
		value := any(c.Look)
		if counted && c.Look != picture.Outside {
			value = counts(c)
		}
		if text := fmt.Sprint(value); text == last {
			all[len(all)-2] = all[len(all)-2].(int) + 1
		} else {
			all, last = append(all, 1, value), text
		}
	}
	return all
}

func counts(c picture.Cell) []uint64 {
	all := []uint64{uint64(c.Look), c.Free, c.Leased, c.Earlier, c.Torn, c.Cooling, c.Elsewhere, c.Withheld}
	for all[len(all)-1] == 0 && len(all) > 1 {
		all = all[:len(all)-1]
	}
	return all
}

// A chart is the course of a range set over time. Lengths are pixels.
type chart struct {
	Width, Height int
	Area, Line    string // paths
	Full          int    // where the line of the capacity is; 0 if it is far above
	Capacity      string
	Text          string
}

const chartWidth, chartHeight = 960, 120

// maxCompared is the most addresses of a set of which a chart says the part that is leased.
const maxCompared = 1 << 32

// courses returns the numbers of the charts of a network.
func courses(n report.Network) []*course {
	all := make([]*course, len(n.Usage))
	for i, u := range n.Usage {
		if i >= len(n.Fills) || len(n.Fills[i].Leased) == 0 {
			continue
		}
		f := n.Fills[i]
		all[i] = &course{From: f.From.Unix(), To: f.To.Unix(), Leased: f.Leased}
		all[i].Top, _ = topOf(f, u.Set.Size())
		if size := u.Set.Size(); size <= maxCompared {
			all[i].Of = size
		}
	}
	return all
}

// topOf returns the number at the upper edge of a chart, and whether the capacity is below it.
func topOf(f report.Fill, capacity uint64) (top int, low bool) {
	most := slices.Max(f.Leased)
	top = most + most/20 + 1
	if capacity >= 4*uint64(top) {
		return top, false
	}
	all := int(capacity)
	return max(top, all+all/20+1), true
}

// newChart returns a chart of a set with that many addresses, or nil if too little is known.
func newChart(f report.Fill, capacity uint64) *chart {
	if len(f.Leased) == 0 {
		return nil
	}
	most, least := slices.Max(f.Leased), slices.Min(f.Leased)
	c := &chart{Width: chartWidth, Height: chartHeight}
	top, low := topOf(f, capacity)
	if low {
		c.Full = height(int(capacity), top)
	}
	var b strings.Builder
	for i, n := range f.Leased {
		x := i * chartWidth / (len(f.Leased) - 1)
		if i == 0 {
			fmt.Fprintf(&b, "M0 %d", height(n, top)) // A Builder never fails, here and below.
		} else {
			fmt.Fprintf(&b, "H%dV%d", x, height(n, top))
		}
	}
	c.Line = b.String()
	c.Area = fmt.Sprintf("%sV%dH0z", c.Line, chartHeight)
	c.Capacity = amount(capacity)
	c.Text = fmt.Sprintf("at least %s, at most %s, now %s", amount(uint64(least)), amount(uint64(most)), amount(uint64(f.Leased[len(f.Leased)-1])))
	return c
}

func height(n, top int) int { return chartHeight - n*(chartHeight-2)/max(top, 1) }
