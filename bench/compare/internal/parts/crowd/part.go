package crowd

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
		Name: "crowd",
		Section: report.Section{
			Title:  "Many at once",
			Text:   text,
			Tables: tables(),
			Goals:  goals(),
		},
		Run:     run,
		Figures: figures,
	}
}

const text = `As many processes at once as the row says: whenever one ends, the next is started, by turns an ADD
of a new container and a DEL of the oldest, for some hundreds of commands. Every process waits for the
lock of the store; "bolt, polling" is the same plugin as bolt, but for its lock: it asks for it every
50 ms, which is what bbolt does when nobody has locked the file before. The empty program needs no
lock, so that it shows how fast processes can be started here at all.`

func contestants() []string {
	return []string{contest.Stock, contest.Files, contest.Bolt, contest.Polling, contest.EmptyGo}
}

func tables() []report.Table {
	labels := []report.Label{report.FileSystem, report.Leases, report.Processes}
	bursts := "of the bursts (10th–90th percentile):"
	return []report.Table{
		{
			Title: "Throughput", Text: "Commands in a second, ADD and DEL together. Median " + bursts,
			Measure: throughput, Labels: labels, Columns: report.Contestants(report.Plain, contestants()...),
		},
		{
			Title: "Throughput, ratios", Text: "Of bursts of the same round: a / b is how many times as much a does. Median " + bursts,
			Measure: throughput, Labels: labels,
			Columns: report.Ratios(
				report.Pair{Of: contest.Bolt, To: contest.Stock},
				report.Pair{Of: contest.Files, To: contest.Stock},
				report.Pair{Of: contest.Bolt, To: contest.Polling}),
		},
		{
			Title: "ADD, half of them", Text: "Milliseconds within which half of the ADDs of a burst ended. Median " + bursts,
			Measure: "ADD p50", Labels: labels, Columns: report.Contestants(report.Milliseconds, contestants()...),
		},
		{
			Title: "ADD, 99 of 100", Text: "Milliseconds within which 99 % of the ADDs of a burst ended. Median " + bursts,
			Measure: "ADD p99", Labels: labels, Columns: report.Contestants(report.Milliseconds, contestants()...),
		},
		{
			Title: "ADD, the longest", Text: "Milliseconds that the unluckiest of all ADDs took, in all bursts:",
			Measure: "ADD worst", Labels: labels, Columns: report.Contestants(report.WorstMilliseconds, contestants()...),
		},
		{
			Title: "DEL, the longest", Text: "The same for DEL:",
			Measure: "DEL worst", Labels: labels, Columns: report.Contestants(report.WorstMilliseconds, contestants()...),
		},
	}
}

func goals() []report.Goal {
	var all []report.Goal
	goal := func(leases int, text, measure string, want float64, atMost bool) {
		at := func(contestant string) result.Key {
			return result.Key{Leases: leases, AtOnce: 64, Contestant: contestant, Measure: measure}
		}
		all = append(all, report.Goal{
			Text:   fmt.Sprintf("64 processes at %s leases: %s, bolt / stock", report.Grouped(float64(leases)), text),
			Want:   want,
			AtMost: atMost,
			Values: report.RatioOf(at(contest.Bolt), at(contest.Stock)),
		})
	}
	for _, leases := range []int{110, 1_000} {
		goal(leases, "throughput", throughput, 3, false)
		goal(leases, "longest ADD", "ADD worst", 1, true)
	}
	return all
}

// figures draws one figure for each file system and fill.
func figures(r *result.Results) []part.Figure {
	var all []part.Figure
	for _, p := range part.Keys(r, throughput, func(k result.Key) bool { return k.AtOnce == 1 }) {
		f := part.Figure{Name: part.FileName("crowd", p.FileSystem, fmt.Sprint(p.Leases))}
		f.Title = fmt.Sprintf("Many processes at once, %s, %d leases held", p.FileSystem, p.Leases)
		f.Panels = []chart.Panel{
			panel(r, p, throughput, "commands in a second", "", 1),
			panel(r, p, "ADD p50", "half of the ADDs end within", "ms", part.Milliseconds),
			panel(r, p, "ADD p99", "99 % of the ADDs end within", "ms", part.Milliseconds),
			panel(r, p, "ADD worst", "the longest ADD of a burst", "ms", part.Milliseconds),
		}
		all = append(all, f)
	}
	return all
}

func panel(r *result.Results, p result.Key, measure, title, y string, by float64) chart.Panel {
	keys := part.Keys(r, measure, func(k result.Key) bool { return k.FileSystem == p.FileSystem && k.Leases == p.Leases })
	return chart.Panel{
		Title: title,
		X:     "processes at once",
		Y:     y,
		Log:   true,
		Ticks: part.Counts(keys, func(k result.Key) int { return k.AtOnce }),
		Lines: part.Lines(r, keys, by),
	}
}
