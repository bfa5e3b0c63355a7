package salvage

import (
	"bytes"
	"io"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/format"
)

var full = backend.Lease{
	Addr: netip.MustParseAddr("10.88.0.2"),
	Owner: backend.Owner{
		ContainerID: "4f2d9c7be0a1f3d5c6b7a8990123456789abcdef0123456789abcdef01234567",
		IfName:      "eth0",
	},
	Since: time.Unix(1764000000, 0).UTC(),
	Pod:   backend.Pod{Namespace: "kube-system", Name: "coredns-674b8bbfcf-x7k2p"},
	Netns: "/var/run/netns/cni-0b9e6a63-0c77-5d3b-8e51-6f1f0f9c2a11",
}

// badSectors fail to be read.
type badSectors struct {
	io.ReaderAt
	from, to int
}

func (r badSectors) ReadAt(b []byte, at int64) (int, error) {
	if int(at) < r.to && int(at)+len(b) > r.from {
		return 0, syscall.EIO
	}
	return r.ReaderAt.ReadAt(b, at)
}

// entryOf returns a lease as it is in a file.
func entryOf(l backend.Lease) []byte { return append(format.AddrKey(l.Addr), format.Encode(l, 7)...) }

func TestSearchFindsLeasesAtAnyByte(t *testing.T) {
	six := full
	six.Addr = addr("fd00::1")
	long := full
	long.Owner.ContainerID, long.Netns = string(bytes.Repeat([]byte("x"), backend.MaxNameLen)), string(bytes.Repeat([]byte("/y"), backend.MaxNameLen/2))
	fine := six
	fine.Since = fine.Since.Add(987_654_321)
	for _, l := range []backend.Lease{full, six, fine, long} {
		entry := entryOf(l)
		for _, at := range []int{0, 1, 7, searchWindow - len(entry), searchWindow - 1, searchWindow, searchWindow + 3, 2*searchWindow - 5} {
			file := append(make([]byte, at), entry...)
			found := 0
			searcher{bytes.NewReader(file), int64(len(file)), func(where int64, got backend.Lease, boot uint64) {
				require.Equal(t, int64(at), where)
				require.Equal(t, l, got)
				require.Equal(t, uint64(7), boot)
				found++
			}, nil}.search()
			require.Equal(t, 1, found, "at %d", at)
		}
	}
}

// What cannot be read is reported once, and what is around it is searched.
func TestSearchPassesBadSectors(t *testing.T) {
	file := make([]byte, 3*searchWindow)
	bad := badSectors{bytes.NewReader(file), searchWindow, searchWindow + 8192}
	before, after := bad.from-len(entryOf(full)), bad.to
	copy(file[before:], entryOf(full))
	copy(file[after:], entryOf(full))
	var found, unreadable []int64
	searcher{
		bad, int64(len(file)),
		func(at int64, _ backend.Lease, _ uint64) { found = append(found, at) },
		func(from, to int64, _ error) { unreadable = append(unreadable, from, to) },
	}.search()
	require.Equal(t, []int64{int64(before), int64(after)}, found)
	require.Equal(t, []int64{searchWindow, searchWindow + 4096, searchWindow + 4096, searchWindow + 8192}, unreadable)
}

// A file that is truncated meanwhile ends earlier.
func TestSearchOfATruncatedFile(t *testing.T) {
	var unreadable []int64
	searcher{
		bytes.NewReader(make([]byte, 5000)), 20000, nil,
		func(from, to int64, err error) {
			require.ErrorIs(t, err, io.EOF)
			unreadable = append(unreadable, from, to)
		},
	}.search()
	require.Equal(t, []int64{5000, 8192, 8192, 12288, 12288, 16384, 16384, 20000}, unreadable)
}
