package worst

import (
	"fmt"

	"github.com/leasehold/leasehold/bench/compare/internal/chart"
	"github.com/leasehold/leasehold/bench/compare/internal/contest"
	"github.com/leasehold/leasehold/bench/compare/internal/part"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
	"github.com/leasehold/leasehold/bench/compare/internal/result"
)

// Part describes this part of the comparison.
func Part() part.Part {
	return part.Part{
		Name: "worst",
		Section: report.Section{
			Title:  "Worst cases",
			Text:   text,
			Tables: tables(),
		},
		Run:     run,
		Figures: figures,
	}
}

const text = `Whole processes again, where leases lie badly. "Without gaps" is not a bad case: half of a pool is
leased, in one piece; it is there to be compared with. In "every second" the same number of leases
takes every second address. At the "far end" is the only free address of the pool, and the search for
it begins right behind it, so that it passes by all the others. In "exhausted" there is none, and the
ADD fails. "/8, scattered" has a lease at every 16th address; a directory of as many files is among
the whole processes above.`

func tables() []report.Table {
	labels := []report.Label{report.FileSystem, report.Case, report.Leases}
	var all []report.Table
	for _, command := range []string{"ADD", "DEL"} {
		all = append(all, report.Table{
			Title:   command,
			Text:    "Milliseconds. Median (10th–90th percentile); the ratios are of one round:",
			Measure: command,
			Labels:  labels,
			Columns: append(
				report.Contestants(report.Milliseconds, contest.Stock, contest.Files, contest.Bolt, contest.EmptyGo),
				report.Ratios(
					report.Pair{Of: contest.Stock, To: contest.Bolt},
					report.Pair{Of: contest.Stock, To: contest.Files},
					report.Pair{Of: contest.Bolt, To: contest.EmptyGo})...),
		})
	}
	return all
}

// figures draws one figure for each file system.
func figures(r *result.Results) []part.Figure {
	var all []part.Figure
	for _, fileSystem := range part.FileSystems(r) {
		f := part.Figure{Name: part.FileName("worst", fileSystem)}
		f.Title = fmt.Sprintf("Worst cases, %s", fileSystem)
		f.Panels = []chart.Panel{panel(r, fileSystem, "ADD"), panel(r, fileSystem, "DEL")}
		all = append(all, f)
	}
	return all
}

func panel(r *result.Results, fileSystem, command string) chart.Panel {
	keys := part.Keys(r, command, func(k result.Key) bool { return k.FileSystem == fileSystem })
	p := chart.Panel{Title: command, Y: "ms", Log: true, Apart: true, Lines: part.Lines(r, keys, part.Milliseconds)}
	for _, k := range keys {
		p.Ticks = append(p.Ticks, k.Case)
	}
	return p
}
