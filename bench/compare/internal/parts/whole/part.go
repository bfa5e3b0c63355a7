package whole

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
		Name: "whole",
		Section: report.Section{
			Title:  "Whole processes",
			Text:   text,
			Tables: tables(),
			Goals:  goals(),
		},
		Run:     run,
		Figures: figures,
	}
}

const text = `From before the process is created until its end has been noticed. In each round every
contestant has a turn: an ADD of a new container, a CHECK of it, and a DEL of the container whose
lease is the oldest; where no leases are held, that is the one that was just made. A container has
one address, or with dual stack two: it is leases that are counted. "bolt at 0" is the bolt store
that holds none whatever the others hold, and the empty programs do nothing.

files and bolt sync what they write before they answer; stock syncs nothing. Directories are filled
with the files that stock would have written, bolt files by a transaction for each container, or
above 65,000 containers by transactions of 100.`

func tables() []report.Table {
	labels := []report.Label{report.FileSystem, report.Case, report.Leases}
	var all []report.Table
	for _, command := range []string{"ADD", "CHECK", "DEL"} {
		all = append(all, report.Table{
			Title:   command,
			Text:    "Milliseconds, as the parent process sees them. Median (10th–90th percentile):",
			Measure: command,
			Labels:  labels,
			Columns: report.Contestants(report.Milliseconds, contest.Stock, contest.Files, contest.Bolt,
				contest.BoltEmpty, contest.EmptyGo, contest.EmptyC),
		}, report.Table{
			Title: command + ", ratios",
			Text: "One time divided by another of the same round: a / b is how many times faster b is. " +
				"Median (10th–90th percentile):",
			Measure: command,
			Labels:  labels,
			Columns: report.Ratios(
				report.Pair{Of: contest.Stock, To: contest.Bolt},
				report.Pair{Of: contest.Stock, To: contest.Files},
				report.Pair{Of: contest.Bolt, To: contest.BoltEmpty},
				report.Pair{Of: contest.Bolt, To: contest.EmptyGo},
				report.Pair{Of: contest.Files, To: contest.EmptyGo}),
		})
	}
	return all
}

func goals() []report.Goal {
	add := func(contestant string, leases int) result.Key {
		return result.Key{Case: single, Leases: leases, Contestant: contestant, Measure: "ADD"}
	}
	var all []report.Goal
	goal := func(of, to string, leases int, want float64, atMost bool) {
		all = append(all, report.Goal{
			Text:   fmt.Sprintf("ADD at %s leases: %s / %s", report.Grouped(float64(leases)), of, to),
			Want:   want,
			AtMost: atMost,
			Values: report.RatioOf(add(of, leases), add(to, leases)),
		})
	}
	goal(contest.Stock, contest.Bolt, 0, 1.8, false)
	goal(contest.Stock, contest.Bolt, 1_000, 5, false)
	goal(contest.Stock, contest.Bolt, 10_000, 50, false)
	goal(contest.Stock, contest.Bolt, 65_000, 300, false)
	goal(contest.Bolt, contest.BoltEmpty, 1_000_000, 1.1, true)
	goal(contest.Bolt, contest.EmptyGo, 0, 1.8, true)
	goal(contest.Bolt, contest.EmptyGo, 10_000, 1.8, true)
	goal(contest.Stock, contest.Files, 0, 0.9, false)
	goal(contest.Stock, contest.Files, 20_000, 5, false)
	return all
}

// figures draws one figure for each file system and stack.
func figures(r *result.Results) []part.Figure {
	var all []part.Figure
	for _, p := range part.Keys(r, "ADD", func(k result.Key) bool { return k.Leases == 0 }) {
		f := part.Figure{Name: part.FileName("whole", p.FileSystem, p.Case)}
		f.Title = fmt.Sprintf("Whole processes, %s, %s", p.FileSystem, p.Case)
		for _, command := range []string{"ADD", "CHECK", "DEL"} {
			f.Panels = append(f.Panels, panel(r, p, command))
		}
		all = append(all, f)
	}
	return all
}

func panel(r *result.Results, p result.Key, command string) chart.Panel {
	keys := part.Keys(r, command, func(k result.Key) bool { return k.FileSystem == p.FileSystem && k.Case == p.Case })
	return chart.Panel{
		Title: command,
		X:     "leases held",
		Y:     "ms",
		Log:   true,
		Ticks: part.Counts(keys, func(k result.Key) int { return k.Leases }),
		Lines: part.Lines(r, keys, part.Milliseconds),
	}
}
