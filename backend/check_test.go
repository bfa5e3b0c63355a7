package backend_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

func TestChecksReturnErrInvalidWithReason(t *testing.T) {
	zone, mapped := ip("fe80::1%eth0"), ip("::ffff:10.0.0.1")
	for reason, err := range map[string]error{
		"not set":             backend.CheckAddr(netip.Addr{}),
		"fe80::1%eth0":        backend.CheckFrom(zone),
		"use 10.0.0.1":        backend.CheckAddr(mapped),
		"has a zone":          backend.CheckSpan(zone, ip("fe80::2")),
		"IPv6 form":           backend.CheckSpan(ip("10.0.0.1"), mapped),
		"different families":  backend.CheckSpan(ip("10.0.0.1"), ip("fd00::1")),
		"range set":           backend.CheckSet("a/b"),
		"container ID":        backend.CheckLease(backend.Lease{Addr: ip("10.0.0.1")}),
		"transaction has end": backend.Ended(),
	} {
		require.ErrorIs(t, err, backend.ErrInvalid)
		require.ErrorContains(t, err, reason)
	}
}

func TestChecksAcceptValidArguments(t *testing.T) {
	require.NoError(t, backend.CheckAddr(ip("10.0.0.1")))
	require.NoError(t, backend.CheckFrom(netip.Addr{}))
	require.NoError(t, backend.CheckFrom(ip("fd00::1")))
	require.NoError(t, backend.CheckSpan(ip("10.0.0.1"), ip("10.0.0.1")))
	require.NoError(t, backend.CheckSet("0"))
	require.NoError(t, backend.CheckLease(lease("10.0.0.1")))
}

func TestCheckSpanBackwards(t *testing.T) {
	err := backend.CheckSpan(ip("10.0.0.2"), ip("10.0.0.1"))
	require.ErrorIs(t, err, backend.ErrNoneFree)
	require.NotErrorIs(t, err, backend.ErrInvalid)
	require.ErrorContains(t, err, "10.0.0.2-10.0.0.1")
}

func TestErrorsNameTheirSubject(t *testing.T) {
	require.ErrorIs(t, backend.NotFound(ip("10.0.0.1")), backend.ErrNotFound)
	require.ErrorContains(t, backend.NotFound(ip("10.0.0.1")), "10.0.0.1")
	require.ErrorIs(t, backend.NoCursor("7"), backend.ErrNotFound)
	require.ErrorContains(t, backend.NoCursor("7"), "range set 7")
}
