package main

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress draws a bar on standard error until done is called, as set tells how far it is.
// It is drawn in a goroutine of its own: a terminal that has been stopped with Ctrl-S must
// not keep waiting what holds the lock of a network.
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
				bar.Clear() // that a bar cannot be drawn matters to no command, here and below
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
