package hostlocal

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTimeout(t *testing.T) {
	long := newTimeout(context.Background(), time.Hour)
	require.NoError(t, long.Err())
	at, ok := long.Deadline()
	require.True(t, ok)
	require.WithinDuration(t, time.Now().Add(time.Hour), at, time.Minute)
	select {
	case <-long.Done():
		t.Fatal("ended at once")
	default:
	}
	require.NoError(t, long.Err(), "also while waiting")

	short := newTimeout(context.Background(), 10*time.Millisecond)
	<-short.Done()
	require.ErrorIs(t, short.Err(), context.DeadlineExceeded)

	over := newTimeout(context.Background(), -time.Second)
	require.ErrorIs(t, over.Err(), context.DeadlineExceeded, "without waiting")
	child, cancel := context.WithCancel(newTimeout(context.Background(), 10*time.Millisecond))
	defer cancel()
	<-child.Done()
	require.ErrorIs(t, child.Err(), context.DeadlineExceeded)
}

// The caller's context can end first, before or after waiting.
func TestTimeoutEndsWithCaller(t *testing.T) {
	caller, cancel := context.WithTimeout(context.Background(), time.Minute)
	ctx := newTimeout(caller, time.Hour)
	at, _ := ctx.Deadline()
	require.WithinDuration(t, time.Now().Add(time.Minute), at, 10*time.Second)
	require.NoError(t, ctx.Err())
	cancel()
	require.ErrorIs(t, ctx.Err(), context.Canceled)
	<-ctx.Done()
	require.ErrorIs(t, ctx.Err(), context.Canceled)
}
