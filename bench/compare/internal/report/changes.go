package report

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/leasehold/leasehold/bench/compare/internal/result"
	"github.com/leasehold/leasehold/bench/compare/internal/stats"
)

// A change is one series before and now.
type change struct {
	result.Series
	before, now stats.Summary
}

// slight is a change that is not worth a line, even where values do not vary.
const slight = 0.02

// apart reports whether the middle parts of the two are apart, so that the change is
// more than the noise within either run. Between the runs the machine may have
// changed: programs that do nothing tell.
func (c change) apart() bool {
	return !c.before.Overlaps(c.now) && math.Abs(c.factor()-1) > slight
}

func (c change) factor() float64 { return c.now.Median / c.before.Median }

// shown is how many changes have a line. With more, nobody would read them.
const shown = 20

// Changes writes what has become of the results of an earlier run: for each
// contestant how its values have changed on the whole, and of the series that have
// changed by more than they vary those that have changed most.
func Changes(w io.Writer, before, now *result.Results) error {
	changes := changesOf(before, now)
	apart := apartOf(changes)
	if _, err := fmt.Fprintf(w, "## Changes of %s since %s%s\n\n"+
		"Series in both: %d. Those that have changed by more than they vary: %d.\n\n",
		now.Part, before.Date, reservations(before, now), len(changes), len(apart)); err != nil {
		return err
	}
	if len(changes) == 0 {
		return nil
	}
	if err := onTheWhole(changes).write(w); err != nil || len(apart) == 0 {
		return err
	}
	g := grid{labels: 1, head: []string{"series", "before", "now", "now / before"}}
	for _, c := range apart[:min(len(apart), shown)] {
		g.rows = append(g.rows, []string{c.name(), c.text(c.before), c.text(c.now), number(c.factor())})
	}
	return g.write(w)
}

// apartOf returns the changes that are more than noise, the largest first.
func apartOf(changes []change) []change {
	var apart []change
	for _, c := range changes {
		if c.apart() {
			apart = append(apart, c)
		}
	}
	slices.SortStableFunc(apart, func(a, b change) int { return cmp.Compare(b.size(), a.size()) })
	return apart
}

// size is the same for what has doubled and what has halved.
func (c change) size() float64 { return math.Abs(math.Log(c.factor())) }

// reservations says what else is different.
func reservations(before, now *result.Results) string {
	text := ""
	if before.Machine != now.Machine {
		text += ", on another machine"
	}
	if before.Quick != now.Quick {
		text += ", one of the two with -quick"
	}
	return text
}

func changesOf(before, now *result.Results) []change {
	var all []change
	for _, s := range now.Series {
		if old := before.Values(s.Key); len(old) > 0 {
			all = append(all, change{s, stats.Summarize(old), stats.Summarize(s.Values)})
		}
	}
	return all
}

// onTheWhole has a row for each contestant and measure: the factors of its series.
func onTheWhole(changes []change) grid {
	type subject struct{ contestant, measure string }
	factors := make(map[subject][]float64)
	var order []subject
	for _, c := range changes {
		who := subject{c.Contestant, c.Measure}
		if factors[who] == nil {
			order = append(order, who)
		}
		factors[who] = append(factors[who], c.factor())
	}
	slices.SortStableFunc(order, func(a, b subject) int { return strings.Compare(a.contestant, b.contestant) })
	g := grid{labels: 2, head: []string{"store", "measure", "series", "now / before"}}
	for _, who := range order {
		series := grouped(int64(len(factors[who])))
		g.rows = append(g.rows, []string{who.contestant, who.measure, series, summary(factors[who])})
	}
	return g
}

// name says what the series is about, as far as it says itself.
func (c change) name() string {
	text := c.Contestant + " " + c.Measure
	for _, part := range []string{c.FileSystem, c.Case} {
		if part != "" {
			text += ", " + part
		}
	}
	text += fmt.Sprintf(", %s leases", grouped(int64(c.Leases)))
	if c.AtOnce > 0 {
		text += fmt.Sprintf(", %d at once", c.AtOnce)
	}
	return text
}

func (c change) text(s stats.Summary) string {
	switch c.Unit {
	case result.Nanoseconds:
		return number(s.Median/1e6) + " ms"
	case result.PerSecond:
		return number(s.Median) + " a second"
	default:
		return grouped(int64(s.Median)) + " bytes"
	}
}
