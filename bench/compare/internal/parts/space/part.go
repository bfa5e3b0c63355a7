package space

import (
	"fmt"

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
		Name: "space",
		Section: report.Section{
			Title:  "Space",
			Text:   text,
			Tables: tables(),
			Goals:  goals(),
		},
		Run:     run,
		Figures: figures,
	}
}

const text = `What a store takes on the disk is the blocks of its files and of its directory. bolt has grown by a
transaction for each lease, as by ADDs, and above 65,000 leases by transactions of 100; "bolt, loaded"
has been filled at once, as a migration does it, and not been written to since. Memory is that of a
process which runs an ADD, at its peak (ru_maxrss), pages of a mapped file included, and for the store
in memory the heap that the leases take. What a program that does nothing seems to need is at least
what the small program needs that starts it.`

func tables() []report.Table {
	labels := []report.Label{report.FileSystem, report.Leases}
	return []report.Table{
		{
			Title: "On the disk", Text: "Bytes for each lease; with no leases, of the whole store:",
			Measure: disk, Labels: labels,
			Columns: perLease(disk, contest.Stock, contest.Files, contest.Bolt, contest.Loaded),
		},
		{
			Title: "In memory", Text: "MiB of a process that runs an ADD, at its peak:",
			Measure: peak, Labels: labels,
			Columns: report.Contestants(report.MiB, contest.Stock, contest.Files, contest.Bolt, contest.EmptyGo),
		},
		{
			Title: "In memory, for each lease",
			Text: "Bytes: for stock, files and bolt those by which the peak is above the peak with no leases, " +
				"and for the store in memory those of its heap:",
			Measure: peak, Labels: labels,
			Columns: append(growth(contest.Stock, contest.Files, contest.Bolt), perLease(heap, contest.Memory)...),
		},
	}
}

// perLease returns columns of bytes for each lease.
func perLease(measure string, names ...string) []report.Column {
	var columns []report.Column
	for _, name := range names {
		columns = append(columns, report.Column{Title: name, Cell: func(r *result.Results, row result.Key) string {
			row.Contestant, row.Measure = name, measure
			return bytes(r.Values(row), max(row.Leases, 1))
		}})
	}
	return columns
}

// growth returns columns of the bytes for each lease by which the peak has grown.
func growth(names ...string) []report.Column {
	var columns []report.Column
	for _, name := range names {
		columns = append(columns, report.Column{Title: name, Cell: func(r *result.Results, row result.Key) string {
			row.Contestant = name
			empty := row
			empty.Leases = 0
			values, none := r.Values(row), r.Values(empty)
			if row.Leases == 0 || values == nil || none == nil {
				return ""
			}
			above := max(stats.Median(values)-stats.Median(none), 0)
			return bytes([]float64{above}, row.Leases)
		}})
	}
	return columns
}

func bytes(values []float64, leases int) string {
	if len(values) == 0 {
		return ""
	}
	return report.Grouped(stats.Median(values) / float64(leases))
}

func goals() []report.Goal {
	const leases = 65_000
	return []report.Goal{{
		Text: fmt.Sprintf("bytes a lease in bolt at %s leases", report.Grouped(leases)), Want: 200, AtMost: true,
		Values: func(r *result.Results, fileSystem string) []float64 {
			var all []float64
			for _, v := range r.Values(result.Key{
				FileSystem: fileSystem, Leases: leases, Contestant: contest.Bolt, Measure: disk,
			}) {
				all = append(all, v/leases)
			}
			return all
		},
	}}
}

// figures draws one figure for each file system.
func figures(r *result.Results) []part.Figure {
	var all []part.Figure
	for _, fileSystem := range part.FileSystems(r) {
		f := part.Figure{Name: part.FileName("space", fileSystem)}
		f.Title = fmt.Sprintf("Space, %s", fileSystem)
		f.Panels = []chart.Panel{
			panel(r, fileSystem, disk, "on the disk, the whole store"),
			panel(r, fileSystem, peak, "in memory, an ADD at its peak"),
		}
		all = append(all, f)
	}
	return all
}

func panel(r *result.Results, fileSystem, measure, title string) chart.Panel {
	keys := part.Keys(r, measure, func(k result.Key) bool { return k.FileSystem == fileSystem })
	return chart.Panel{
		Title: title,
		X:     "leases held",
		Y:     "MiB",
		Log:   true,
		Ticks: part.Counts(keys, func(k result.Key) int { return k.Leases }),
		Lines: part.Lines(r, keys, 1.0/(1<<20)),
	}
}
