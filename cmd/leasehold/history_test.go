package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

func TestSelectionByTime(t *testing.T) {
	now := time.Date(2026, 3, 1, 14, 30, 0, 0, time.UTC)
	l := backend.Lease{Owner: backend.Owner{ContainerID: "c"}, Since: now.Add(-time.Hour)}
	ended := now.Add(-30*time.Minute + 20*time.Second) // at 14:00:20
	for flags, want := range map[historyFlags][2]bool{ // of the lease if it has ended, and if it is held
		{}:                               {true, true},
		{at: "13:29"}:                    {false, false},
		{at: "13:30"}:                    {true, true},
		{at: "14:00"}:                    {true, true},
		{at: "14:00:20"}:                 {true, true},
		{at: "14:00:21"}:                 {false, true},
		{at: "14:01"}:                    {false, true},
		{since: time.Hour}:               {true, true},
		{since: 29 * time.Minute}:        {false, true},
		{at: "14:00", container: "c"}:    {true, true},
		{at: "14:00", container: "d"}:    {false, false},
		{at: "14:00", pod: "shop/web-0"}: {false, false},
	} {
		s, err := flags.selection(now)
		require.NoError(t, err)
		require.Equal(t, want, [2]bool{(&reading{selection: s}).selectsEnded(backend.Ended{Lease: l, Until: ended}), s.selects(l, time.Time{})}, "%+v", flags)
	}
	s, err := historyFlags{at: "14:00"}.selection(now)
	require.NoError(t, err)
	require.False(t, (&reading{selection: s}).selectsEnded(backend.Ended{}), "when a forgotten one was held is not known")
}
