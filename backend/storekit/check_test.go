package storekit_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/storekit"
)

func TestChecksReturnErrInvalidWithReason(t *testing.T) {
	zone, mapped := ip("fe80::1%eth0"), ip("::ffff:10.0.0.1")
	for reason, err := range map[string]error{
		"not set":             storekit.CheckAddr(netip.Addr{}),
		"fe80::1%eth0":        storekit.CheckFrom(zone),
		"use 10.0.0.1":        storekit.CheckAddr(mapped),
		"has a zone":          storekit.CheckSpan(zone, ip("fe80::2")),
		"IPv6 form":           storekit.CheckSpan(ip("10.0.0.1"), mapped),
		"different families":  storekit.CheckSpan(ip("10.0.0.1"), ip("fd00::1")),
		"range set":           storekit.CheckSet("a/b"),
		"container ID":        storekit.CheckLease(backend.Lease{Addr: ip("10.0.0.1")}),
		"transaction has end": storekit.Ended(),
	} {
		require.ErrorIs(t, err, backend.ErrInvalid)
		require.ErrorContains(t, err, reason)
	}
}

func TestChecksAcceptValidArguments(t *testing.T) {
	require.NoError(t, storekit.CheckAddr(ip("10.0.0.1")))
	require.NoError(t, storekit.CheckFrom(netip.Addr{}))
	require.NoError(t, storekit.CheckFrom(ip("fd00::1")))
	require.NoError(t, storekit.CheckSpan(ip("10.0.0.1"), ip("10.0.0.1")))
	require.NoError(t, storekit.CheckSet("0"))
	require.NoError(t, storekit.CheckLease(lease("10.0.0.1")))
}

func TestCheckSpanBackwards(t *testing.T) {
	err := storekit.CheckSpan(ip("10.0.0.2"), ip("10.0.0.1"))
	require.ErrorIs(t, err, backend.ErrNoneFree)
	require.NotErrorIs(t, err, backend.ErrInvalid)
	require.ErrorContains(t, err, "10.0.0.2-10.0.0.1")
}

func TestErrorsNameTheirSubject(t *testing.T) {
	require.ErrorIs(t, storekit.NotFound(ip("10.0.0.1")), backend.ErrNotFound)
	require.ErrorContains(t, storekit.NotFound(ip("10.0.0.1")), "10.0.0.1")
	require.ErrorIs(t, storekit.NoCursor("7"), backend.ErrNotFound)
	require.ErrorContains(t, storekit.NoCursor("7"), "range set 7")
}
