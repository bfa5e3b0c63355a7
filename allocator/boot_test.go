package allocator_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
)

func TestBootEnded(t *testing.T) {
	started := time.Date(2026, 1, 2, 3, 4, 5, 600e6, time.UTC)
	present := allocator.Boot{ID: "present", Started: started}
	before, within, after := started.Add(-time.Second), started.Truncate(time.Second), started.Add(time.Hour)
	for name, tt := range map[string]struct {
		boot  allocator.Boot
		made  string
		since time.Time
		last  string
		want  bool
	}{
		"another boot, before this one":           {present, "earlier", before, "", true},
		"same boot under another ID":              {present, "view", after, "view", false},
		"in the second in which the boot began":   {present, "view", within, "view", false},
		"this boot, dated before it":              {present, "present", before, "earlier", false},
		"no time":                                 {present, "earlier", time.Time{}, "earlier", false},
		"no boot, store not searched yet":         {present, "", before, "", false},
		"no boot, store searched in this boot":    {present, "", before, "present", false},
		"no boot, store searched in another":      {present, "", before, "earlier", true},
		"no boot, store used in this boot too":    {present, "", before, "earlier,present 2026-01-02T03:04:05Z", false},
		"no boot, store used in two others":       {present, "", before, "earlier,view 2026-01-02T03:04:05Z", true},
		"no boot, made since":                     {present, "", after, "earlier", false},
		"the present boot ID cannot be read":      {allocator.Boot{Started: started}, "earlier", before, "", false},
		"the start of the boot is not known":      {allocator.Boot{ID: "present"}, "earlier", before, "", false},
		"nothing is known of the boot or a lease": {allocator.Boot{}, "", time.Time{}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			l := backend.Lease{Boot: tt.made, Since: tt.since}
			require.Equal(t, tt.want, tt.boot.Ended(l, tt.last))
		})
	}
}

func TestBootSeemsEarlier(t *testing.T) {
	started := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	present := allocator.Boot{ID: "present", Started: started}
	before := started.Add(-time.Second)
	require.True(t, present.SeemsEarlier(backend.Lease{Boot: "earlier", Since: before}))
	require.True(t, present.SeemsEarlier(backend.Lease{Since: before}))
	require.True(t, allocator.Boot{Started: started}.SeemsEarlier(backend.Lease{Since: before}), "neither ID is known")
	require.False(t, present.SeemsEarlier(backend.Lease{Boot: "present", Since: before}))
	require.False(t, present.SeemsEarlier(backend.Lease{Boot: "earlier", Since: started}))
	require.False(t, present.SeemsEarlier(backend.Lease{Boot: "earlier"}))
}
