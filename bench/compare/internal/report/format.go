package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/leasehold/leasehold/bench/compare/internal/samples"
)

const nothing = "–" // in a cell without values

// writeTable writes a table in Markdown, every column as wide as its widest cell. The first
// columns, as many as left, are aligned to the left.
func writeTable(w io.Writer, left int, rows [][]string) error {
	rule := make([]string, len(rows[0]))
	for i := range rule {
		width := 1
		for _, row := range rows {
			width = max(width, utf8.RuneCountInString(row[i]))
		}
		for _, row := range rows {
			space := strings.Repeat(" ", width-utf8.RuneCountInString(row[i]))
			if i < left {
				row[i] += space
			} else {
				row[i] = space + row[i]
			}
		}
		rule[i] = strings.Repeat("-", width)
		if i >= left {
			rule[i] = strings.Repeat("-", width-1) + ":"
		}
	}
	for _, row := range slices.Insert(rows, 1, rule) {
		if _, err := fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | ")); err != nil {
			return err
		}
	}
	return nil
}

// summary returns the median and, in parentheses, the 10th and 90th percentile. A single
// value has no spread.
func summary(values []float64) string {
	switch len(values) {
	case 0:
		return nothing
	case 1:
		return number(values[0])
	}
	s := samples.Summarize(values)
	return fmt.Sprintf("%s (%s–%s)", number(s.Median), number(s.P10), number(s.P90))
}

// number writes a number with three digits, or more if it has more before the point.
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

// grouped writes a number, which is not negative, with a comma before every three digits.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
