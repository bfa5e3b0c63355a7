package flock

import (
	"context"
	"os"
	"sync/atomic"
	"time"
)

type timerKey struct{}

// Timed returns a context, and a function that says how long the locks took so far that were requested
// with it or with a context made from it.
func Timed(ctx context.Context) (context.Context, func() time.Duration) {
	var total atomic.Int64
	return context.WithValue(ctx, timerKey{}, &total), func() time.Duration { return time.Duration(total.Load()) }
}

// timed is lock, with a context of [Timed] too.
func timed(ctx context.Context, f *os.File, exclusive bool) error {
	if total, ok := ctx.Value(timerKey{}).(*atomic.Int64); ok {
		began := time.Now()
		defer func() { total.Add(int64(time.Since(began))) }()
	}
	return lock(ctx, f, exclusive)
}
