package report

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/leasehold/leasehold/internal/measure"
)

const nothing = "–" // in a cell without values

// writeTable writes a table in Markdown, every column as wide as its widest cell. The first
// columns, as many as left, are aligned to the left.
func writeTable(w io.Writer, left int, rows [][]string) error {
	align := tw.MakeAlign(len(rows[0]), tw.AlignRight)
	copy(align, tw.MakeAlign(left, tw.AlignLeft))
	var text strings.Builder // because a table drops the errors of its writer
	t := tablewriter.NewTable(&text, tablewriter.WithRenderer(renderer.NewMarkdown()),
		tablewriter.WithHeaderAutoFormat(tw.Off), tablewriter.WithAlignment(align))
	t.Header(rows[0])
	if err := errors.Join(t.Bulk(rows[1:]), t.Render()); err != nil {
		return err
	}
	_, err := io.WriteString(w, text.String())
	return err
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
	s := measure.Summarize(values)
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

// grouped writes a number with a comma before every three digits.
func grouped(n int64) string { return message.NewPrinter(language.English).Sprint(n) }
