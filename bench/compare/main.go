// Compare measures what an IPAM plugin costs as leases grow: this project's host-local, on
// either store, and the CNI project's, beside a program that does nothing.
//
//	go run -C bench/compare .             # from the root of the repository: an hour and a half
//	go run -C bench/compare . -quick      # everything shortened: a few minutes
//	go run -C bench/compare . -only whole # one part
//	go run -C bench/compare . -report     # nothing measured: tables of the results
//
// The parts are:
//
//	whole      whole processes: ADD, CHECK and DEL at many fills
//	crowd      many processes at once
//	worst      pools in which a free address is hard to find
//	churn      many changes: does the store grow, does it become slower?
//	inprocess  goroutines of one process: leases in a second, with the library linked
//	space      bytes on disk, and of memory of an ADD
//
// Tables go to standard output. The samples of a part go to bench/results/<part>.txt, in the
// Go benchmark format, its tables and plots beside them, and a few ratios into
// bench/README.md, which describes the method. Results of -quick never replace others, nor does a part
// that ends early: its samples go to bench/results/<part>.unfinished.txt. To
// compare with earlier results:
//
//	go tool -C bench/compare benchstat -filter '/store:bolt' OLD.txt NEW.txt
//
// To compare with an earlier version in the same rounds:
//
//	git worktree add /tmp/before COMMIT
//	go run -C bench/compare . -only whole -before /tmp/before -n
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	// When interrupted, it ends between two turns and removes its stores.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, parseFlags(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	quick  bool
	only   string
	rounds int
	most   int
	in     string
	before string
	slow   time.Duration
	out    string
	dry    bool
	report bool
}

func parseFlags() options {
	var o options
	flag.BoolVar(&o.quick, "quick", false, "everything shortened")
	flag.StringVar(&o.only, "only", "", "the `part` to run")
	flag.IntVar(&o.rounds, "rounds", 0, "`number` of rounds (default: chosen by each part)")
	flag.IntVar(&o.most, "most", 0, "measure with up to this `number` of leases (default: chosen by each part)")
	flag.StringVar(&o.in, "in", "/var/tmp,/dev/shm", "`directories` to make stores in, each on a file system of another type")
	flag.StringVar(&o.before, "before", "", "`directory` of another version of leasehold, to be measured too")
	flag.DurationVar(&o.slow, "slow", 0, "`delay` of a sync, such as 5ms, in one more place, slow, on the first of the file systems")
	flag.StringVar(&o.out, "out", "..", "`directory` of README.md and results")
	flag.BoolVar(&o.dry, "n", false, "write to standard output only")
	flag.BoolVar(&o.report, "report", false, "measure nothing: write tables and plots of the results")
	flag.Parse()
	return o
}

// readme is the file with the ratios.
func (o options) readme() string { return filepath.Join(o.out, "README.md") }

// results is the path of a file of results.
func (o options) results(name string) string { return filepath.Join(o.out, "results", name) }
