// Package report turns what was measured into tables for people, in Markdown.
//
// A [Table] says which values are its rows and which its columns, and knows none of
// them: the same table can be made of results of today and of last year.
package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/leasehold/leasehold/bench/compare/internal/stats"
)

// A grid is a table of texts: a head, and rows of as many cells. Cells without
// content say so by a dash. The first columns, as many as labels, say what a row is
// about.
type grid struct {
	labels int
	head   []string
	rows   [][]string
}

const nothing = "–"

// write writes the grid in Markdown, every column as wide as its widest cell.
func (g grid) write(w io.Writer) error {
	rule := make([]string, len(g.head))
	width := make([]int, len(g.head))
	for i, title := range g.head {
		width[i] = letters(title)
		for _, row := range g.rows {
			width[i] = max(width[i], letters(row[i]))
		}
		rule[i] = strings.Repeat("-", max(width[i]-1, 1)) + ":"
		if g.left(i) {
			rule[i] = strings.Repeat("-", width[i])
		}
	}
	for _, row := range slices.Concat([][]string{g.head, rule}, g.rows) {
		line := "|"
		for i, cell := range row {
			line += " " + padded(cell, width[i], g.left(i)) + " |"
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w)
	return err
}

// left reports whether a column stands at the left: words do, numbers do not.
func (g grid) left(column int) bool {
	return column < g.labels && slices.ContainsFunc(g.rows, func(row []string) bool {
		return strings.ContainsFunc(row[column], unicode.IsLetter)
	})
}

func padded(cell string, width int, left bool) string {
	space := strings.Repeat(" ", width-letters(cell))
	if left {
		return cell + space
	}
	return space + cell
}

func letters(s string) int { return len([]rune(s)) }

// keep drops the columns, except labels, in which no row has anything.
func (g grid) keep() grid {
	kept := grid{labels: g.labels, rows: make([][]string, len(g.rows))}
	for i := range g.head {
		if i >= g.labels && !slices.ContainsFunc(g.rows, func(row []string) bool { return row[i] != nothing }) {
			continue
		}
		kept.head = append(kept.head, g.head[i])
		for r, row := range g.rows {
			kept.rows[r] = append(kept.rows[r], row[i])
		}
	}
	return kept
}

// summary writes the median and, in parentheses, the 10th and 90th percentile. One
// value alone has no spread.
func summary(sample []float64) string {
	switch len(sample) {
	case 0:
		return nothing
	case 1:
		return number(sample[0])
	}
	s := stats.Summarize(sample)
	return fmt.Sprintf("%s (%s–%s)", number(s.Median), number(s.P10), number(s.P90))
}

// number writes a number with three digits, or more where it has more before the
// point.
func number(x float64) string {
	switch {
	case x >= 99.95:
		return grouped(int64(x + 0.5))
	case x >= 9.995:
		return strconv.FormatFloat(x, 'f', 1, 64)
	default:
		return strconv.FormatFloat(x, 'f', 2, 64)
	}
}

// grouped writes a number that is not negative with a comma before every three
// digits.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// trim drops zeros after the point, and the point if nothing else is after it.
func trim(number string) string {
	if !strings.Contains(number, ".") {
		return number
	}
	return strings.TrimRight(strings.TrimRight(number, "0"), ".")
}
