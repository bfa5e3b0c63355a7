package picture

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Lengths in an SVG, in pixels unless scaled.
const (
	margin     = 16
	gap        = 10 // between the cells and the text above and below
	fontSize   = 12 // of text
	lineHeight = 18
	swatch     = 11 // side of the squares of a legend
)

// pixels returns the length, rounded up, of n characters of a fixed-width font of the usual
// size.
func pixels(n int) int { return n * fontSize * 61 / 100 }

// lineLength is the length of lines of text in characters.
const lineLength = 104

// SVG writes the pictures, one below the other, as a self-contained document without
// scripts or fonts. Browsers show a description of the cell under the pointer, with
// adjacent free cells described as one. The caption has the time of drawing, unless that is
// zero.
func SVG(w io.Writer, drawn time.Time, pictures ...*Picture) error {
	plates := make([]plate, len(pictures))
	height := margin
	for i, p := range pictures {
		plates[i] = newPlate(p, drawn)
		height += plates[i].height() + margin
	}
	s := sheet{bufio.NewWriter(w)} // Flush returns the error.
	s.begin(pictures, height)
	y := margin
	for _, p := range plates {
		s.printf("<g transform=\"translate(%d %d)\">\n", margin, y)
		s.plate(p)
		s.printf("</g>\n")
		y += p.height() + margin
	}
	s.printf("</svg>\n")
	return s.Flush()
}

// A plate is the layout of one picture in an SVG.
type plate struct {
	*Picture
	grid    *grid
	caption []string
	legend  [][]entry
}

func newPlate(p *Picture, drawn time.Time) plate {
	g := p.grid()
	sentences := p.caption(g)
	if !drawn.IsZero() {
		sentences = append(sentences, "drawn at "+seconds(drawn))
	}
	// Swatches are wider than the characters that represent them on a terminal.
	return plate{p, g, wrapWords(sentences, lineLength), wrap(p.legend(g), entry.length, legendGap, lineLength-10)}
}

// cellSize returns the side length of a cell, and the font size of its row's label. Grids
// with few cells have large ones.
func (p plate) cellSize() (side, font int) {
	switch p.grid.width {
	case maxWidth:
		return 10, 9
	case maxWidth / 2:
		return 20, fontSize
	}
	return 28, fontSize
}

func (p plate) height() int {
	side, _ := p.cellSize()
	return (len(p.caption)+len(p.legend))*lineHeight + len(p.grid.rows)*side + 2*gap
}

// A sheet writes an SVG.
type sheet struct{ *bufio.Writer }

func (s sheet) printf(format string, args ...any) { fmt.Fprintf(s, format, args...) }

func (s sheet) begin(pictures []*Picture, height int) {
	var networks []string
	for _, p := range pictures {
		networks = append(networks, p.network)
	}
	width := pixels(lineLength) + 2*margin
	s.printf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" font-size="%[3]d">`+"\n", width, height, fontSize)
	s.printf("<title>leases of %s</title>\n", escape(strings.Join(slices.Compact(networks), ", ")))
	s.printf("<style>\n%s</style>\n", stylesheet())
	s.printf("<rect class=\"ground\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n", width, height)
}

// stylesheet returns the colours for a light and for a dark background. The background is
// part of the drawing, so that it fits on a page of any colour.
func stylesheet() string {
	var light, dark strings.Builder
	for s := open; s < states; s++ {
		l := s.look()
		fmt.Fprintf(&light, ".%s{fill:%s}\n", l.class, l.light)
		fmt.Fprintf(&dark, ".%s{fill:%s}\n", l.class, l.dark)
	}
	return `text{font-family:ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;fill:#1f2328}
.label{fill:#59636e}
.ground{fill:#fff}
.lines{stroke:#fff;pointer-events:none}
` + light.String() + `@media(prefers-color-scheme:dark){
text{fill:#e6e8eb}
.label{fill:#9aa4af}
.ground{fill:#15181d}
.lines{stroke:#15181d}
` + dark.String() + "}\n"
}

// plate writes the caption, the cells and the legend.
func (s sheet) plate(p plate) {
	y := 0
	for _, line := range p.caption {
		s.text(0, y, "caption", line)
		y += lineHeight
	}
	y += gap
	s.cells(p, y)
	side, _ := p.cellSize()
	y += len(p.grid.rows)*side + gap
	for _, line := range p.legend {
		s.legend(line, y)
		y += lineHeight
	}
}

// text writes a line of text with the given upper left corner.
func (s sheet) text(x, y int, class, text string) {
	const baseline = 13
	s.printf(`<text class="%s" x="%d" y="%d">%s</text>`+"\n", class, x, y+baseline, escape(text))
}

func escape(text string) string {
	var b strings.Builder
	// EscapeText replaces characters that are invalid in XML.
	_ = xml.EscapeText(&b, []byte(text)) // It fails only if its writer does, which cannot fail.
	return b.String()
}

// cells writes the rows with their labels, and the lines between cells.
func (s sheet) cells(p plate, top int) {
	side, font := p.cellSize()
	labels := p.grid.labels()
	left := pixels(utf8.RuneCountInString(labels[0])+1) * font / fontSize
	for i, row := range p.grid.rows {
		y := top + i*side
		s.printf(`<text class="label" font-size="%d" x="0" y="%d">%s</text>`+"\n",
			font, y+(side+font*3/4)/2, strings.TrimSpace(labels[i]))
		for x := 0; x < len(row); {
			c, n := together(row[x:])
			if st := c.state(); st != outside {
				s.printf(`<rect class="%s" x="%d" y="%d" width="%d" height="%d"><title>%s</title></rect>`+"\n",
					st.look().class, left+x*side, y, n*side, side, escape(p.title(c)))
			}
			x += n
		}
	}
	s.lines(p, left, top)
}

// together returns the first cell, merged with the adjacent ones if all are free, and the
// number of merged cells. Most pictures are mostly free.
func together(cells []cell) (c cell, n int) {
	isFree := func(c cell) bool { return c.state() == open && c.withheld == 0 }
	c = cells[0]
	for n = 1; n < len(cells) && isFree(c) && isFree(cells[n]); n++ {
		c.span.Last = cells[n].span.Last
		c.leasable = sum(c.leasable, cells[n].leasable)
	}
	return c, n
}

// lines writes the lines between the cells on top of them, so that merged cells can be told
// apart.
func (s sheet) lines(p plate, left, top int) {
	side, _ := p.cellSize()
	rows := len(p.grid.rows)
	s.printf(`<path class="lines" d="`)
	for x := 1; x < p.grid.width; x++ {
		s.printf("M%d.5 %dv%d", left+x*side-1, top, rows*side)
	}
	for y := 1; y < rows; y++ {
		s.printf("M%d %d.5h%d", left, top+y*side-1, p.grid.width*side)
	}
	s.printf("\"/>\n")
}

func (s sheet) legend(entries []entry, y int) {
	x := 0
	for _, e := range entries {
		for _, st := range e.states {
			s.printf(`<rect class="%s" x="%d" y="%d" width="%d" height="%[4]d"/>`+"\n", st.look().class, x, y+3, swatch)
			x += swatch + 1
		}
		x += 4
		s.text(x, y, "entry", e.text)
		x += pixels(utf8.RuneCountInString(e.text) + legendGap)
	}
}
