package inprocess

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// together has goroutines call do with each of 0 to n-1, and returns how long that
// took, from the moment that all may begin until the last has ended. Whoever is done
// takes the next. After the first error nothing is begun any more.
func together(ctx context.Context, goroutines, n int, do func(ctx context.Context, i int) error) (time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var begun atomic.Int64
	start := make(chan struct{})
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			<-start
			for ctx.Err() == nil {
				i := int(begun.Add(1)) - 1
				if i >= n {
					return
				}
				if err := do(ctx, i); err != nil {
					cancel(err) // of several errors the first counts: others may follow from it
					return
				}
			}
		})
	}
	began := time.Now()
	close(start)
	all.Wait()
	return time.Since(began), context.Cause(ctx)
}
