package picture

import (
	"bufio"
	"io"
	"slices"
	"strings"

	"github.com/muesli/termenv"
)

// Terminal writes the picture as UTF-8, in lines of at most 80 columns and in the colours
// of the profile. Each line of cells begins with the address of its first cell.
//
// With colours, two rows of a large grid share a line; without, no two cells share a
// character.
func (p *Picture) Terminal(w io.Writer, profile termenv.Profile) error {
	g := p.grid()
	d := drawing{bufio.NewWriter(w), profile} // Flush returns the error.
	for _, line := range wrapWords(p.caption(g), columns) {
		d.WriteString(line + "\n")
	}
	labels, perLine := g.labels(), d.rowsPerLine(g)
	for rows := range slices.Chunk(g.rows, perLine) {
		d.WriteString(labels[0] + " ")
		d.cells(rows, perLine)
		labels = labels[min(perLine, len(labels)):]
	}
	for _, line := range wrap(p.legend(g), entry.length, legendGap, columns) {
		d.legend(line)
	}
	return d.Flush()
}

// A drawing writes a picture to a terminal.
type drawing struct {
	*bufio.Writer
	profile termenv.Profile
}

// rowsPerLine returns one if there is room for cells that are two columns wide, and so
// about square.
func (d drawing) rowsPerLine(g *grid) int {
	if d.profile == termenv.Ascii || g.width < maxWidth {
		return 1
	}
	return 2
}

// A dot represents one or two cells on a terminal.
type dot struct {
	text                   string
	foreground, background state // outside means the terminal's own
}

// cells writes a line with the cells of one or more rows, at most limit.
func (d drawing) cells(rows [][]cell, limit int) {
	dots := make([]dot, len(rows[0]))
	for x := range dots {
		upper, lower := rows[0][x].state(), outside
		if len(rows) > 1 {
			lower = rows[1][x].state()
		}
		switch {
		case d.profile == termenv.Ascii:
			dots[x] = dot{text: string(upper.look().glyph)}
		case limit == 1:
			dots[x] = wide(upper)
		default:
			dots[x] = half(upper, lower)
		}
	}
	d.dots(dots)
}

func wide(s state) dot {
	if s == outside {
		return dot{text: "  "}
	}
	return dot{text: "██", foreground: s}
}

func half(upper, lower state) dot {
	switch {
	case upper == outside && lower == outside:
		return dot{text: " "}
	case upper == outside:
		return dot{text: "▄", foreground: lower}
	}
	return dot{text: "▀", foreground: upper, background: lower}
}

// dots writes a line without trailing blanks. Equal neighbours share their escape
// sequences, which are much longer than the text.
func (d drawing) dots(dots []dot) {
	for len(dots) > 0 && strings.TrimSpace(dots[len(dots)-1].text) == "" {
		dots = dots[:len(dots)-1]
	}
	for len(dots) > 0 {
		n := slices.IndexFunc(dots, func(other dot) bool { return other != dots[0] })
		if n < 0 {
			n = len(dots)
		}
		d.dot(dots[0], n)
		dots = dots[n:]
	}
	d.WriteString("\n")
}

// dot writes a dot n times.
func (d drawing) dot(o dot, n int) {
	style := d.profile.String(strings.Repeat(o.text, n))
	if o.foreground != outside {
		style = style.Foreground(d.colour(o.foreground))
	}
	if o.background != outside {
		style = style.Background(d.colour(o.background))
	}
	d.WriteString(style.String())
}

func (d drawing) colour(s state) termenv.Color {
	if d.profile == termenv.ANSI {
		// The nearest of sixteen colours would be the same for several states.
		return termenv.ANSIColor(s.look().ansi)
	}
	return d.profile.Convert(termenv.RGBColor(s.look().rgb))
}

func (d drawing) legend(entries []entry) {
	for i, e := range entries {
		if i > 0 {
			d.WriteString(strings.Repeat(" ", legendGap))
		}
		for _, s := range e.states {
			if d.profile == termenv.Ascii {
				d.WriteString(string(s.look().glyph))
			} else {
				d.dot(dot{text: "█", foreground: s}, 1)
			}
		}
		d.WriteString(" " + e.text)
	}
	d.WriteString("\n")
}
