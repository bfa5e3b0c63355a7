package report

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/leasehold/leasehold/bench/compare/internal/peers"
	"github.com/leasehold/leasehold/bench/compare/internal/samples"
	"github.com/leasehold/leasehold/internal/measure"
)

// A headline is a ratio in the table of the README.
type headline struct {
	text string
	part string
	unit string
	key  samples.Key // without the file system
	pair Pair
}

func headlines() []headline {
	stockToBolt, stockToFiles := Pair{peers.Stock, peers.Bolt}, Pair{peers.Stock, peers.Files}
	podmanToBolt := Pair{peers.Podman, peers.Bolt}
	add := func(text, stack string, leases int, pair Pair) headline {
		return headline{text, "whole", "ADD-ns", samples.Key{Case: stack + "-stack", Leases: leases}, pair}
	}
	many := func(text, part, unit string, leases, atOnce int, pair Pair) headline {
		return headline{text, part, unit, samples.Key{Leases: leases, AtOnce: atOnce}, pair}
	}
	return []headline{
		add("ADD, no leases: stock / bolt", "single", 0, stockToBolt),
		add("ADD, 1,000 leases: stock / bolt", "single", 1_000, stockToBolt),
		add("ADD, 10,000 leases: stock / bolt", "single", 10_000, stockToBolt),
		add("ADD, 65,000 leases: stock / bolt", "single", 65_000, stockToBolt),
		add("the same, two addresses each", "dual", 65_000, stockToBolt),
		add("ADD, 10,000 leases: stock / files", "single", 10_000, stockToFiles),
		add("ADD on bolt, 65,000 leases / none", "single", 65_000, Pair{peers.Bolt, peers.BoltEmpty}),
		add("ADD on bolt, no leases / empty Go program", "single", 0, Pair{peers.Bolt, peers.EmptyGo}),
		many("64 processes at once, 110 leases, commands a second: bolt / stock", "crowd", "commands/s", 110, 64, stockToBolt),
		many("256 processes at once", "crowd", "commands/s", 110, 256, stockToBolt),
		many("512 goroutines, leases a second: bolt / Podman's layout", "inprocess", "leases/s", 1_000, 512, podmanToBolt),
		many("one goroutine: bolt / Podman's layout", "inprocess", "leases/s", 1_000, 1, podmanToBolt),
	}
}

// Headlines returns the table of the README: medians of ratios within a round, for the
// file systems of the part whole.
func Headlines(sets map[string]*samples.Set) string {
	var places []string
	for _, k := range sets["whole"].Rows("ADD-ns") {
		if !slices.Contains(places, k.FS) {
			places = append(places, k.FS)
		}
	}
	rows := [][]string{append([]string{"ratio"}, places...)}
	for _, h := range headlines() {
		row := []string{h.text}
		for _, h.key.FS = range places {
			cell := nothing
			if s := sets[h.part]; s != nil {
				if ratios := h.pair.ratio(s, h.key, h.unit); ratios != nil {
					cell = number(measure.Median(ratios))
				}
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	var text strings.Builder
	_ = writeTable(&text, 1, rows) // a Builder does not fail
	return text.String()
}

// Splice replaces what a file has between the lines
//
//	<!-- compare -->
//	<!-- end of compare -->
func Splice(path, text string) error {
	const begin, end = "<!-- compare -->\n", "<!-- end of compare -->\n"
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, begins := strings.Cut(string(old), begin)
	_, after, ends := strings.Cut(rest, end)
	if !begins || !ends {
		return fmt.Errorf("%s: no lines %q and %q", path, strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return os.WriteFile(path, []byte(before+begin+"\n"+text+"\n"+end+after), 0o644)
}
