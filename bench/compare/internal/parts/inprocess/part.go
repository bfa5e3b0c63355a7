package inprocess

import (
	"fmt"
	"slices"

	"github.com/leasehold/leasehold/bench/compare/internal/chart"
	"github.com/leasehold/leasehold/bench/compare/internal/contest"
	"github.com/leasehold/leasehold/bench/compare/internal/part"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
	"github.com/leasehold/leasehold/bench/compare/internal/result"
)

// Part describes this part of the comparison.
func Part() part.Part {
	return part.Part{
		Name: "inprocess",
		Section: report.Section{
			Title:  "In process",
			Text:   text,
			Tables: tables(),
			Goals:  goals(),
		},
		Run:     run,
		Figures: figures,
	}
}

const text = `The library as a runtime would link it: goroutines of one process share a store and wait for nothing
else. As many as the row says acquire an address for each of many new containers, then release as many,
those that have been held for the longest time, in no order. They do so in laps of no more leases than
are held between laps. The clock runs from the moment that all goroutines may begin until the last one
is done; that at the beginning and at the end of a lap not all of them are busy counts too, and is seen
where a lap has two leases for each goroutine.

bolt, files and memory are this project's allocator on its stores. "podman layout" is leases as Podman
keeps them, written anew for this comparison and without the rest of Podman: a bbolt file that is
opened and closed for each step, with a bucket for containers and one for addresses, a search that goes
on from the last address, and releases that read before they write. Podman's own lock around that is
here one within the process, so that nobody sleeps; and it records the container ID only, where the
others record the pod, the network namespace and the boot (files cannot). What is on a file system is
synced before an address is answered; on tmpfs a sync does nothing, and no lease is durable. A turn has
up to 32,000 leases of bolt, 512 of podman layout, and 64 of files and go-ipam, or one for each goroutine
where that is more: with as many as bolt's, these would need hours.

"go-ipam" is github.com/metal-stack/go-ipam v1.13.0 in memory. It copies all addresses of a prefix for
each that it leases, and does not know who holds one: a map beside it does. Those that meet in it wait
for tenths of a second and give up the tenth time, so a mutex keeps them from meeting.`

func tables() []report.Table {
	const spread = "Median of the rounds (10th–90th percentile):"
	const ratios = "Of turns of the same round: a / b is how many times as many leases a has in a second. " + spread
	labels := []report.Label{report.FileSystem, report.Leases, report.Goroutines}
	values := report.Contestants(report.Plain, contest.Files, contest.Bolt, contest.Podman)
	pairs := report.Ratios(
		report.Pair{Of: contest.Bolt, To: contest.Podman}, report.Pair{Of: contest.Bolt, To: contest.Files})
	return []report.Table{
		{Title: "Acquire", Text: "Leases made in a second. " + spread, Measure: acquire, Labels: labels, Columns: values},
		{Title: "Release", Text: "Leases ended in a second. " + spread, Measure: release, Labels: labels, Columns: values},
		{Title: "Acquire, ratios", Text: ratios, Measure: acquire, Labels: labels, Columns: pairs},
		{Title: "Release, ratios", Text: ratios, Measure: release, Labels: labels, Columns: pairs},
		{
			Title: "In memory", Text: "The same on the store that keeps nothing on a disk, and go-ipam. " + spread,
			Measure: acquireInMemory,
			Labels:  []report.Label{report.Contestant, report.Leases, report.Goroutines},
			Columns: []report.Column{
				report.Measures("acquired in a second", acquireInMemory, report.Plain),
				report.Measures("released in a second", releaseInMemory, report.Plain),
			},
		},
		{
			Title: "In memory, ratios", Text: "Of leases made in a second. " + ratios, Measure: acquireInMemory,
			Labels:  []report.Label{report.Leases, report.Goroutines},
			Columns: report.Ratios(report.Pair{Of: contest.Memory, To: contest.GoIPAM}),
		},
	}
}

// goals are figures, not ratios: whoever starts many containers at once wants them to
// start, on whatever machine.
func goals() []report.Goal {
	var all []report.Goal
	for _, leases := range []int{1_000, 10_000} {
		all = append(all, report.Goal{
			Text: fmt.Sprintf("durable leases per second in process, 512 goroutines, at %s leases: bolt",
				report.Grouped(float64(leases))),
			Want:   200_000,
			Values: report.ValuesOf(result.Key{Leases: leases, AtOnce: 512, Contestant: contest.Bolt, Measure: acquire}),
		})
	}
	return all
}

// figures draws one figure for each file system and fill, with what is in memory in all
// of them.
func figures(r *result.Results) []part.Figure {
	var all []part.Figure
	for _, p := range places(r) {
		f := part.Figure{Name: part.FileName("inprocess", p.FileSystem, fmt.Sprint(p.Leases))}
		f.Title = fmt.Sprintf("In process, %s, %d leases held", p.FileSystem, p.Leases)
		f.Panels = []chart.Panel{
			panel(r, p, "acquired in a second", acquire, acquireInMemory),
			panel(r, p, "released in a second", release, releaseInMemory),
		}
		all = append(all, f)
	}
	return all
}

// places returns a key for each file system and fill.
func places(r *result.Results) []result.Key {
	var all []result.Key
	for _, k := range part.Keys(r, acquire, func(result.Key) bool { return true }) {
		if place := (result.Key{FileSystem: k.FileSystem, Leases: k.Leases}); !slices.Contains(all, place) {
			all = append(all, place)
		}
	}
	return all
}

func panel(r *result.Results, p result.Key, title, measure, measureInMemory string) chart.Panel {
	keys := func(measure, fileSystem string) []result.Key {
		return part.Keys(r, measure, func(k result.Key) bool { return k.FileSystem == fileSystem && k.Leases == p.Leases })
	}
	here := keys(measure, p.FileSystem)
	return chart.Panel{
		Title: title,
		X:     "goroutines",
		Log:   true,
		Ticks: part.Counts(here, func(k result.Key) int { return k.AtOnce }),
		Lines: slices.Concat(part.Lines(r, here, 1), part.Lines(r, keys(measureInMemory, inMemory), 1)),
	}
}
