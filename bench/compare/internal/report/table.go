package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/leasehold/leasehold/bench/compare/internal/stats"
)

// A table has a head and rows of as many cells. Its first column is numbers by
// which the rows go; cells without content say so by a dash.
type table struct {
	head []string
	rows [][]string
}

const nothing = "–"

// write writes the table in Markdown, every column as wide as its widest cell.
func (t table) write(w io.Writer) error {
	rule := make([]string, len(t.head))
	width := make([]int, len(t.head))
	for i, title := range t.head {
		width[i] = letters(title)
		for _, row := range t.rows {
			width[i] = max(width[i], letters(row[i]))
		}
		rule[i] = strings.Repeat("-", width[i]-1) + ":"
	}
	for _, row := range slices.Concat([][]string{t.head, rule}, t.rows) {
		line := "|"
		for i, cell := range row {
			line += " " + strings.Repeat(" ", width[i]-letters(cell)) + cell + " |"
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w)
	return err
}

func letters(s string) int { return len([]rune(s)) }

// keep drops the columns, except the first, in which no row has anything.
func (t table) keep() table {
	var kept table
	for i := range t.head {
		if i == 0 || slices.ContainsFunc(t.rows, func(row []string) bool { return row[i] != nothing }) {
			kept = kept.with(t, i)
		}
	}
	return kept
}

// with returns t with column i of another table at its end.
func (t table) with(other table, i int) table {
	if t.rows == nil {
		t.rows = make([][]string, len(other.rows))
	}
	t.head = append(t.head, other.head[i])
	for r := range other.rows {
		t.rows[r] = append(t.rows[r], other.rows[r][i])
	}
	return t
}

// summary writes the median and, in parentheses, the 10th and 90th percentile.
func summary(sample []float64) string {
	if len(sample) == 0 {
		return nothing
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
