package churn

import (
	"fmt"
	"slices"

	"github.com/leasehold/leasehold/bench/compare/internal/chart"
	"github.com/leasehold/leasehold/bench/compare/internal/contest"
	"github.com/leasehold/leasehold/bench/compare/internal/part"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
	"github.com/leasehold/leasehold/bench/compare/internal/result"
	"github.com/leasehold/leasehold/bench/compare/internal/stats"
)

// Part describes this part of the comparison.
func Part() part.Part {
	return part.Part{
		Name: "churn",
		Section: report.Section{
			Title:  "Churn",
			Text:   text,
			Tables: tables(),
			Goals:  goals(),
		},
		Run:     run,
		Figures: figures,
	}
}

const text = `Containers come and go: by turns a DEL of anybody and an ADD, on a pool that is some 60 % full, so that
leases come to lie scattered. The time is divided into 20 windows, and what is kept of each is the
median. Drift is how many times as long a command takes in the last quarter of the windows as in the
first, by the medians of the two; the empty program shows by how much the machine itself drifted. The
stores with a file for each lease run fewer commands, because they would take hours.`

func tables() []report.Table {
	return []report.Table{
		{
			Title:   "Time and size",
			Text:    "Milliseconds, median of the windows (10th–90th percentile); sizes in MiB on the disk:",
			Measure: "ADD",
			Labels:  []report.Label{report.FileSystem, report.Contestant, report.Case, report.Leases},
			Columns: []report.Column{
				report.Measures("ADD", "ADD", report.Milliseconds),
				report.Measures("drift of ADD", "ADD", report.Number(stats.Drift)),
				report.Measures("99 of 100 ADDs", "ADD p99", report.Milliseconds),
				report.Measures("DEL", "DEL", report.Milliseconds),
				report.Measures("drift of DEL", "DEL", report.Number(stats.Drift)),
				report.Measures("size before", size, report.Number(first)),
				report.Measures("largest size", size, report.Number(largest)),
				report.Measures("growth", size, report.Number(growth)),
			},
		},
	}
}

const mebibyte = 1 << 20

func first(values []float64) float64   { return values[0] / mebibyte }
func largest(values []float64) float64 { return slices.Max(values) / mebibyte }
func growth(values []float64) float64  { return slices.Max(values) / values[0] }

func goals() []report.Goal {
	return []report.Goal{
		{
			Text: "largest size of bolt / size after the fill", Want: 2, AtMost: true,
			Values: func(r *result.Results, fileSystem string) []float64 {
				return orNone(growth, of(r, fileSystem, contest.Bolt, size))
			},
		},
		{
			Text: "drift of ADD, bolt / empty Go", Want: 1.1, AtMost: true,
			Values: func(r *result.Results, fileSystem string) []float64 {
				bolt, idle := of(r, fileSystem, contest.Bolt, "ADD"), of(r, fileSystem, contest.EmptyGo, "ADD")
				return orNone(stats.Drift, stats.Ratios(bolt, idle))
			},
		},
	}
}

func orNone(fn func([]float64) float64, values []float64) []float64 {
	if len(values) == 0 {
		return nil
	}
	return []float64{fn(values)}
}

// of returns the values of a contestant, however many commands it ran.
func of(r *result.Results, fileSystem, contestant, measure string) []float64 {
	i := slices.IndexFunc(r.Series, func(s result.Series) bool {
		return s.FileSystem == fileSystem && s.Contestant == contestant && s.Measure == measure
	})
	if i < 0 {
		return nil
	}
	return r.Series[i].Values
}

// figures draws one figure for each file system.
func figures(r *result.Results) []part.Figure {
	var all []part.Figure
	for _, fileSystem := range part.FileSystems(r) {
		f := part.Figure{Name: part.FileName("churn", fileSystem)}
		f.Title = fmt.Sprintf("Churn, %s", fileSystem)
		f.Panels = []chart.Panel{
			{Title: "ADD", X: "windows", Y: "ms", Log: true, Lines: lines(r, fileSystem, "ADD", milliseconds)},
			{Title: "DEL", X: "windows", Y: "ms", Log: true, Lines: lines(r, fileSystem, "DEL", milliseconds)},
			{Title: "size / size after the fill", X: "windows", Lines: lines(r, fileSystem, size, relative)},
		}
		all = append(all, f)
	}
	return all
}

// lines returns a line for each contestant, which goes from window to window.
func lines(r *result.Results, fileSystem, measure string, convert func(value float64, all []float64) float64) []chart.Line {
	var all []chart.Line
	for color, name := range contest.Names() {
		values := of(r, fileSystem, name, measure)
		line := chart.Line{Name: name, Color: color}
		for i, v := range values {
			y := convert(v, values)
			line.Points = append(line.Points, chart.Point{X: float64(i), Low: y, Median: y, High: y})
		}
		if len(values) > 0 {
			all = append(all, line)
		}
	}
	return all
}

func milliseconds(v float64, _ []float64) float64 { return v * part.Milliseconds }
func relative(v float64, all []float64) float64   { return v / all[0] }
