// Compare measures what a container runtime waits for: whole processes of this
// project's host-local, on either store, and of the CNI project's, beside programs
// that do nothing.
//
//	go run -C bench/compare .          # from the root of the repository
//	go run -C bench/compare . -quick   # fewer fills, fewer rounds
//
// Tables go to standard output, and with -json every single time to a file.
//
// # Method
//
// Every store is filled through the library, synced, and warmed by rounds that are
// not counted. In each round that is, every contestant has a turn: an ADD of a new
// container, a CHECK of it, and a DEL of the container whose lease is the oldest.
// The order of turns changes from round to round. Between turns the file systems are
// synced, so that nobody waits for what another has left to write.
//
// A time is the wall clock from before the process is created until it has been
// waited for, with the environment and the configuration that containerd passes.
// Ratios are made within a round and only then summarized.
//
// Every answer is checked: which address an ADD gives is known beforehand, and
// after the rounds the store has to hold exactly what it ought to. Anything
// unexpected ends the comparison.
//
// # Caveats
//
// Leases are released in the order in which they were made, and so leave one run
// of addresses without gaps: the best case for every contestant.
//
// With no leases held, the oldest one is the one that was just made.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/leasehold/leasehold/bench/compare/internal/machine"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
)

func main() {
	// Interrupted, it ends between two turns and removes what it made.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, parseFlags()); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	quick  bool
	rounds uint // 0: the default
	dir    string
	stock  bool
	json   string
}

func parseFlags() options {
	var o options
	flag.BoolVar(&o.quick, "quick", false, "fewer fills and fewer rounds")
	flag.UintVar(&o.rounds, "rounds", 0, "`number` of rounds at each fill (default 40, or 20 with -quick)")
	flag.StringVar(&o.dir, "dir", "", "`directory` in which to make the stores (default that for temporary files)")
	flag.BoolVar(&o.stock, "stock", true, "measure the stock plugin too")
	flag.StringVar(&o.json, "json", "", "write all times to a `file`, in bench/results if it is a mere name")
	flag.Parse()
	return o
}

// times returns the number of rounds at each fill.
func (o options) times() int {
	if o.quick {
		return int(cmp.Or(o.rounds, 20))
	}
	return int(cmp.Or(o.rounds, 40))
}

// fills returns the numbers of leases at which to measure.
func (o options) fills() []int {
	if o.quick {
		return []int{0, 1_000, 20_000, 1_000_000}
	}
	return []int{0, 110, 1_000, 10_000, 20_000, 65_000, 1_000_000}
}

// jsonPath returns where to write all times, seen from bench/compare.
func (o options) jsonPath() string {
	if filepath.Base(o.json) == o.json {
		return filepath.Join("..", "results", o.json)
	}
	return o.json
}

func run(ctx context.Context, o options) error {
	dir, err := makeDir(o.dir)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) // the results stand, whatever cannot be removed
	results, err := compare(ctx, o, dir)
	if err != nil {
		return err
	}
	if o.json != "" {
		if err := results.WriteJSON(o.jsonPath()); err != nil {
			return err
		}
	}
	return results.Write(os.Stdout, comparisons())
}

// compare builds the contestants in dir and measures them at every fill.
func compare(ctx context.Context, o options, dir string) (*report.Results, error) {
	show := newProgress(os.Stderr)
	defer show.clear()

	show.printf("building")
	l, err := newLineup(ctx, dir, o.stock)
	if err != nil {
		return nil, err
	}
	results := &report.Results{
		Machine:     machine.Describe(dir),
		Programs:    l.programs(),
		Rounds:      o.times(),
		Contestants: l.names(),
	}
	for _, fill := range o.fills() {
		m := match{fill: fill, contestants: l.at(fill), results: results, show: show}
		if err := m.play(ctx, o.times()); err != nil {
			return nil, fmt.Errorf("at %d leases: %w", fill, err)
		}
	}
	return results, nil
}

// makeDir makes a new directory below parent. Its path is absolute: the programs
// run elsewhere.
func makeDir(parent string) (string, error) {
	dir, err := os.MkdirTemp(parent, "leasehold-compare-")
	if err != nil {
		return "", err
	}
	return filepath.Abs(dir)
}
