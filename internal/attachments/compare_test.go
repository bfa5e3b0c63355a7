package attachments_test

import (
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/attachments"
)

// leases returns a lease of each container, and a torn one.
func leases(ids ...string) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) {
		addr := netip.MustParseAddr("10.0.0.1")
		for _, o := range append(owners(ids...), backend.Owner{}) {
			addr = addr.Next()
			o.IfName = "eth0"
			if o.ContainerID == "" {
				o.IfName = ""
			}
			if !yield(backend.Lease{Addr: addr, Owner: o}, nil) {
				return
			}
		}
	}
}

func TestCompare(t *testing.T) {
	type comparison = attachments.Comparison
	for name, tt := range map[string]struct {
		list, held []string
		want       comparison
	}{
		"nothing":            {nil, nil, comparison{}},
		"an empty list":      {nil, []string{idA}, comparison{Containers: 1}},
		"an empty network":   {[]string{idA}, nil, comparison{}},
		"the same":           {[]string{idA, idB}, []string{idB, idA}, comparison{Containers: 2, Listed: 2}},
		"each counts once":   {[]string{idA, idA}, []string{idA, idA, idB}, comparison{Containers: 2, Listed: 1}},
		"of somewhere else":  {[]string{idA}, []string{idB}, comparison{Containers: 1}},
		"cut to 12":          {[]string{idA[:12], idA[:12], idB}, []string{idB, idA}, comparison{Containers: 2, Listed: 1, Cut: []attachments.Cut{{idA[:12], idA}}}},
		"cut to 13":          {[]string{idA[:13]}, []string{idA}, comparison{Containers: 1, Cut: []attachments.Cut{{idA[:13], idA}}}},
		"cut to very little": {[]string{"b5", "4"}, []string{idA, idB}, comparison{Containers: 2, Cut: []attachments.Cut{{"b5", idB}, {"4", idA}}}},
		"without namespace":  {[]string{idA}, []string{"default-" + idA}, comparison{Containers: 1, Cut: []attachments.Cut{{idA, "default-" + idA}}}},
		"cut without namespace": {[]string{idA[:12]}, []string{"my-own-" + idA},
			comparison{Containers: 1, Cut: []attachments.Cut{{idA[:12], "my-own-" + idA}}}},
		"cut from several":        {[]string{"4f2d9c"}, []string{idA[:63] + "0", idA}, comparison{Containers: 2, Cut: []attachments.Cut{{"4f2d9c", idA[:63] + "0"}}}},
		"a piece that holds":      {[]string{idA[:12]}, []string{idA[:12], idA}, comparison{Containers: 2, Listed: 1}},
		"names with numbers":      {[]string{"job-1", "1", "web"}, []string{"job-10", "web-1", "web-2-b"}, comparison{Containers: 3}},
		"long names with numbers": {[]string{"batch-worker-1"}, []string{"batch-worker-10"}, comparison{Containers: 1}},
		"a piece of the middle":   {[]string{idA[5:20]}, []string{idA}, comparison{Containers: 1}},
		"longer than what holds":  {[]string{idA + "0123456789abcdef"}, []string{idA}, comparison{Containers: 1}},
		"after many of its kind":  {[]string{"4f2d"}, []string{"4f2d0", "4f2d1", "4f2d2", idA}, comparison{Containers: 4, Cut: []attachments.Cut{{"4f2d", idA}}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := attachments.Compare(owners(tt.list...), leases(tt.held...))
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestCompareSaysWhatTheLeasesSay(t *testing.T) {
	unreadable := errors.New("unreadable")
	_, err := attachments.Compare(owners(idA), func(yield func(backend.Lease, error) bool) { yield(backend.Lease{}, unreadable) })
	require.ErrorIs(t, err, unreadable)
}

// A list is compared in a time that does not grow with its product with the leases.
func BenchmarkCompare(b *testing.B) {
	var list, held []string
	for i := range 100_000 {
		held = append(held, fmt.Sprintf("default-%064x", i*7919))
		list = append(list, fmt.Sprintf("%064x", i*7907)[:52])
	}
	for b.Loop() {
		_, err := attachments.Compare(owners(list...), leases(held...))
		require.NoError(b, err)
	}
}
