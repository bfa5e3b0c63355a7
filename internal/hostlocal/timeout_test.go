package hostlocal

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTimeout(t *testing.T) {
	long := newTimeout(time.Hour)
	require.NoError(t, long.Err())
	at, ok := long.Deadline()
	require.True(t, ok)
	require.WithinDuration(t, time.Now().Add(time.Hour), at, time.Minute)
	select {
	case <-long.Done():
		t.Fatal("ended at once")
	default:
	}
	require.NoError(t, long.Err(), "also once somebody waits")

	short := newTimeout(10 * time.Millisecond)
	<-short.Done()
	require.ErrorIs(t, short.Err(), context.DeadlineExceeded)

	over := newTimeout(-time.Second)
	require.ErrorIs(t, over.Err(), context.DeadlineExceeded, "nobody has waited")
	child, cancel := context.WithCancel(newTimeout(10 * time.Millisecond))
	defer cancel()
	<-child.Done()
	require.ErrorIs(t, child.Err(), context.DeadlineExceeded)
}
