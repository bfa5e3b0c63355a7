package storekit_test

import (
	"errors"
	"iter"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/storekit"
)

// leases yields a lease of each address, and then the error, if any.
func leases(then error, addrs ...string) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) {
		for _, addr := range addrs {
			if !yield(lease(addr), nil) {
				return
			}
		}
		if then != nil {
			yield(backend.Lease{}, then)
		}
	}
}

func TestCheckContentReturnsSameContent(t *testing.T) {
	c := backend.Content{
		Leases:     leases(nil, "10.0.0.1", "10.0.0.2", "255.255.255.255", "::", "fd00::1"),
		Cursors:    map[string]netip.Addr{"0": ip("10.0.0.2")},
		LastSearch: "5b2f7c9e",
	}
	checked, err := storekit.CheckContent(c)
	require.NoError(t, err)
	require.Equal(t, c.Cursors, checked.Cursors)
	require.Equal(t, c.LastSearch, checked.LastSearch)
	var got []string
	for l, err := range checked.Leases {
		require.NoError(t, err)
		require.Equal(t, lease(l.Addr.String()), l)
		got = append(got, l.Addr.String())
	}
	require.Equal(t, []string{"10.0.0.1", "10.0.0.2", "255.255.255.255", "::", "fd00::1"}, got)
	for range checked.Leases {
		break // must not panic
	}
}

func TestCheckContentRejectsInvalidContent(t *testing.T) {
	for name, c := range map[string]backend.Content{
		"a/b":     {Cursors: map[string]netip.Addr{"a/b": ip("10.0.0.1")}},
		"set 0":   {Cursors: map[string]netip.Addr{"0": {}}},
		"control": {LastSearch: "a\nb"},
	} {
		_, err := storekit.CheckContent(c)
		require.ErrorIs(t, err, backend.ErrInvalid, name)
		require.ErrorContains(t, err, name)
	}
}

func TestCheckContentEndsAtFirstError(t *testing.T) {
	unreadable := errors.New("unreadable")
	for _, tc := range []struct {
		leases iter.Seq2[backend.Lease, error]
		good   int
		want   error
		text   string
	}{
		{leases(unreadable), 0, unreadable, "unreadable"},
		{leases(unreadable, "10.0.0.1"), 1, unreadable, "unreadable"},
		{leases(nil, "10.0.0.1", "10.0.0.1", "10.0.0.2"), 1, backend.ErrExists, "10.0.0.1: "},
		{leases(nil, "10.0.0.1", "10.0.0.3", "10.0.0.2"), 2, backend.ErrInvalid, "10.0.0.2 comes after 10.0.0.3"},
		{leases(nil, "::", "10.0.0.1"), 1, backend.ErrInvalid, "10.0.0.1 comes after ::"},
		{leases(nil, "10.0.0.1", "::ffff:10.0.0.2"), 1, backend.ErrInvalid, "use 10.0.0.2"},
	} {
		c, err := storekit.CheckContent(backend.Content{Leases: tc.leases})
		require.NoError(t, err)
		var errs []error
		for _, err := range c.Leases {
			errs = append(errs, err)
		}
		require.Equal(t, tc.good, slices.IndexFunc(errs, func(err error) bool { return err != nil }))
		require.Len(t, errs, tc.good+1, "nothing follows an error")
		require.ErrorIs(t, errs[tc.good], tc.want)
		require.ErrorContains(t, errs[tc.good], tc.text)
	}
}
