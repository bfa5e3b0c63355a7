package main

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress draws a progress bar on standard error until done is called; set updates it. The
// bar has its own goroutine, so that a terminal stopped with Ctrl-S does not block the
// migration while it holds the lock of a network.
func (t *tool) progress(what string) (set func(leases, total int), done func()) {
	bar := progressbar.NewOptions(1,
		progressbar.OptionSetWriter(t.errs),
		progressbar.OptionSetDescription(what),
		progressbar.OptionSetWidth(20),
		progressbar.OptionShowCount(),
		progressbar.OptionClearOnFinish(),
	)
	var leases, total atomic.Int64
	ended := make(chan struct{})
	var drawing sync.WaitGroup
	drawing.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				bar.Clear() // A failure to draw the bar does not matter, here and below.
				return
			case <-tick.C:
				bar.ChangeMax64(max(1, total.Load()))
				bar.Set64(leases.Load()) // as above
			}
		}
	})
	set = func(l, all int) { leases.Store(int64(l)); total.Store(int64(all)) }
	return set, func() { close(ended); drawing.Wait() }
}
