// Package top shows a report in a terminal, and refreshes it.
//
// [Run] draws on a screen of tcell until the user quits. It needs 80 columns and 24 lines to show all,
// and shows less on a smaller screen. Colours only repeat what characters say, so that it can be used
// without them.
package top

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/gdamore/tcell/v2"

	"github.com/leasehold/leasehold/internal/report"
)

// Options are what Run shows, and how.
type Options struct {
	// Observe makes a report. It is called in another goroutine, one call at a time.
	Observe func(context.Context) (report.Report, error)

	// Interval is the time between two reports. It is longer if a report takes more than a tenth of
	// it, without the time in Waited.
	Interval time.Duration

	// Waited says for how long all calls of Observe together have waited for others; nil means never.
	Waited func() time.Duration

	Colours bool
}

// Run shows reports until ctx ends or the user quits. The caller has to have called Init of the screen;
// Run calls Fini, however it ends, so that the terminal is as it was before.
func Run(ctx context.Context, screen tcell.Screen, o Options) error {
	defer screen.Fini()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for r, instead := range map[rune]string{'·': ".", '░': ":", '▒': "=", '▓': "%", '█': "#", '…': ".."} {
		screen.RegisterRuneFallback(r, instead) // where the locale is C; some would be letters of a map otherwise
	}
	events, quit := make(chan tcell.Event), make(chan struct{})
	defer close(quit)
	go screen.ChannelEvents(events, quit)
	seen := make(chan sight)
	go observe(ctx, o, seen)
	v := &view{screen: screen, colours: o.Colours && screen.Colors() > 1, many: screen.Colors() > 16}
	for {
		v.draw()
		select {
		case <-ctx.Done():
			return nil
		case s := <-seen:
			if s.panicked != nil {
				panic(s.panicked) // after Fini, or its text would be lost
			}
			v.take(s)
		case e, ok := <-events:
			if !ok || v.handle(e) {
				return nil
			}
		}
	}
}

// A sight is a report, or why there is none.
type sight struct {
	report   report.Report
	err      error
	panicked any
}

// observe makes reports until ctx ends.
func observe(ctx context.Context, o Options, to chan<- sight) {
	for {
		began, waited := time.Now(), o.waited()
		s := observeOnce(ctx, o)
		worked := time.Since(began) - (o.waited() - waited)
		select {
		case <-ctx.Done():
			return
		case to <- s:
		}
		const share = 10
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(o.Interval, (share-1)*worked)):
		}
	}
}

func (o Options) waited() time.Duration {
	if o.Waited == nil {
		return 0
	}
	return o.Waited()
}

func observeOnce(ctx context.Context, o Options) (s sight) {
	defer func() {
		if p := recover(); p != nil {
			s.panicked = fmt.Sprintf("%v\n%s", p, debug.Stack())
		}
	}()
	s.report, s.err = o.Observe(ctx)
	return s
}
