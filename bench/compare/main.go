// Compare measures what an IPAM plugin costs as leases grow: this project's host-local,
// on either store, and the CNI project's, beside programs that do nothing.
//
//	go run -C bench/compare .             # from the root of the repository: an hour and a half
//	go run -C bench/compare . -quick      # everything shortened: a few minutes
//	go run -C bench/compare . -only whole # one part
//
// The parts are:
//
//	whole      whole processes: ADD, CHECK and DEL at many fills
//	crowd      many processes at once
//	worst      leases that lie as badly as they can
//	churn      many changes: does the store grow, does it become slower?
//	inprocess  goroutines of one process: leases in a second, with the library linked
//	space      bytes on disk and in memory
//
// Tables go to standard output, with what has changed since the previous results. The
// results of a part go to bench/results/<part>.json, its plots beside them, and its
// tables into bench/README.md. Results of -quick never take the place of others.
//
// # Method
//
// Stores are filled in the same way for all, synced, and warmed by rounds that are not
// counted. In each round that is, every contestant has a turn; the order of turns
// changes from round to round. Between turns the file systems are synced, so that
// nobody waits for what another has left to write.
//
// A time is the wall clock from before the process is created until it has been
// waited for, with the environment and the configuration that containerd passes. The
// part inprocess creates none: there it is that of all goroutines together.
// Ratios are made within a round and only then summarized.
//
// Every answer is checked: which address an ADD gives is known beforehand, and
// after the rounds the store has to hold exactly what it ought to. Anything
// unexpected ends the comparison.
//
// # Caveats
//
// Processes are started by this one, which takes its share of the machine: the more
// processes at once, the more of the time is theirs that start them.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	// Interrupted, it ends between two turns and removes what it made.
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
	rounds uint // 0: what the part sees fit
	disk   string
	tmpfs  string
	out    string
	dry    bool
}

func parseFlags() options {
	var o options
	flag.BoolVar(&o.quick, "quick", false, "everything shortened")
	flag.StringVar(&o.only, "only", "", "the `part` to run: "+strings.Join(names(), ", "))
	flag.UintVar(&o.rounds, "rounds", 0, "`number` of rounds (default: that of each part)")
	flag.StringVar(&o.disk, "disk", "/var/tmp", "`directory` on a disk in which to make stores, or empty")
	flag.StringVar(&o.tmpfs, "tmpfs", "/dev/shm", "`directory` on a tmpfs in which to make stores, or empty")
	flag.StringVar(&o.out, "out", "..", "`directory` of README.md and results")
	flag.BoolVar(&o.dry, "n", false, "write nothing but to standard output")
	flag.Parse()
	return o
}

// readme is the file that the tables go into.
func (o options) readme() string { return filepath.Join(o.out, "README.md") }

// results is the path of what is written about a part: its results, and its plots.
func (o options) results(name string) string { return filepath.Join(o.out, "results", name) }
