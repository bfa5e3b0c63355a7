package dump_test

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"maps"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/storekit"
	"github.com/leasehold/leasehold/internal/dump"
)

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

// leases yields leases and then err, unless it is nil.
func leases(err error, all ...backend.Lease) iter.Seq2[backend.Lease, error] {
	return func(yield func(backend.Lease, error) bool) {
		for _, l := range all {
			if !yield(l, nil) {
				return
			}
		}
		if err != nil {
			yield(backend.Lease{}, err)
		}
	}
}

// A network has the fields of a dump.Network that are compared.
type network struct {
	name, store, boot string
	cursors           map[string]netip.Addr
	leases            []backend.Lease
}

// write writes networks one after the other.
func write(t require.TestingT, networks ...network) []byte {
	var file bytes.Buffer
	for _, n := range networks {
		written, err := dump.Write(&file, n.name, n.store, backend.Content{
			Leases: leases(nil, n.leases...), Cursors: n.cursors, LastSearch: n.boot,
		})
		require.NoError(t, err)
		require.Equal(t, len(n.leases), written)
	}
	return file.Bytes()
}

// read returns the networks of a file up to the first error.
func read(file []byte) (networks []network, err error) {
	r := dump.NewReader(bytes.NewReader(file))
	for {
		n, err := r.Next()
		if errors.Is(err, io.EOF) {
			return networks, nil
		}
		if err != nil {
			return networks, err
		}
		got := network{name: n.Name, store: n.Store, boot: n.LastSearch, cursors: n.Cursors}
		for l, err := range n.Leases {
			if err != nil {
				return append(networks, got), err
			}
			got.leases = append(got.leases, l)
		}
		networks = append(networks, got)
	}
}

// v1 is the content of testdata/v1.jsonl.
var v1 = []network{
	{
		name: "podnet", store: "bolt", boot: "5b2f7c9e-8a51-4cf8-9b43-0f1e6d0c2a77",
		cursors: map[string]netip.Addr{"0": ip("10.1.0.9"), "1": ip("fd00::9")},
		leases: []backend.Lease{
			{
				Addr:  ip("10.1.0.2"),
				Owner: backend.Owner{ContainerID: "4f2d9c7be0a1f3d5c6b7a8990123456789abcdef0123456789abcdef01234567", IfName: "eth0"},
				Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
				Boot:  "5b2f7c9e-8a51-4cf8-9b43-0f1e6d0c2a77",
				Pod:   backend.Pod{Namespace: "kube-system", Name: "coredns-674b8bbfcf-x7k2p"},
				Netns: "/var/run/netns/cni-0b9e6a63-0c77-5d3b-8e51-6f1f0f9c2a11",
			},
			{Addr: ip("10.1.0.3"), Owner: backend.Owner{ContainerID: "old"}},
			{
				Addr:  ip("10.1.0.10"),
				Owner: backend.Owner{ContainerID: `"quoted" \ <b>é</b>`, IfName: "\xff\xfe\xff"},
				Since: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC),
			},
			{
				Addr:  ip("fd00::2"),
				Owner: backend.Owner{ContainerID: "c\xffd", IfName: "eth0"},
				Since: time.Unix(0, 0).UTC(),
			},
		},
	},
	{name: "empty.net-2"},
}

// Files of version 1 must stay readable: a change here needs a new version.
func TestVersion1(t *testing.T) {
	file, err := os.ReadFile("testdata/v1.jsonl")
	require.NoError(t, err)
	require.Equal(t, string(file), string(write(t, v1...)))
	got, err := read(file)
	require.NoError(t, err)
	require.Equal(t, v1, got)
}

// Everything that a store can hold survives a round trip.
func TestRoundTrip(t *testing.T) {
	names := rapid.OneOf(
		rapid.Just(""),
		rapid.String(),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		rapid.StringMatching(`["\\/<>&\x{2028}\x{fffd}a]{1,5}`),
	).Filter(func(s string) bool { return storekit.CheckBoot(s) == nil })
	ids := names.Filter(func(s string) bool { return s != "" })
	seconds := rapid.OneOf(
		rapid.Int64(),
		rapid.SampledFrom([]int64{0, -62135596800, -62167219200, -62167219201, 253402300799, 253402300800}),
	)
	addrs := rapid.OneOf(
		rapid.Map(rapid.Uint8(), func(b uint8) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, b}) }),
		rapid.Map(rapid.Uint8(), func(b uint8) netip.Addr { return netip.AddrFrom16([16]byte{0xfd, 15: b}) }),
	)
	lease := rapid.Custom(func(t *rapid.T) backend.Lease {
		return backend.Lease{
			Addr:  addrs.Draw(t, "addr"),
			Owner: backend.Owner{ContainerID: ids.Draw(t, "id"), IfName: names.Draw(t, "ifname")},
			Since: time.Unix(seconds.Draw(t, "since"), 0).UTC(),
			Boot:  names.Draw(t, "boot"),
			Pod:   backend.Pod{Namespace: names.Draw(t, "namespace"), Name: names.Draw(t, "pod")},
			Netns: names.Draw(t, "netns"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		byAddr := rapid.MapOfNValues(lease, 0, 9, func(l backend.Lease) netip.Addr { return l.Addr }).Draw(t, "leases")
		var sorted []backend.Lease
		for _, addr := range slices.SortedFunc(maps.Keys(byAddr), netip.Addr.Compare) {
			sorted = append(sorted, byAddr[addr])
		}
		cursors := rapid.MapOf(rapid.StringMatching(`[A-Za-z0-9_-]{1,64}`), addrs).Draw(t, "cursors")
		if len(cursors) == 0 {
			cursors = nil
		}
		want := []network{{
			name: "podnet", store: rapid.SampledFrom([]string{"", "bolt", "files"}).Draw(t, "store"),
			boot: names.Draw(t, "boot"), cursors: cursors, leases: sorted,
		}}
		got, err := read(write(t, want...))
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

// A file has times in whole seconds and UTC.
func TestTimesAreWholeSecondsInUTC(t *testing.T) {
	l := backend.Lease{
		Addr: ip("10.0.0.1"), Owner: backend.Owner{ContainerID: "c"},
		Since: time.Date(2026, 1, 2, 3, 4, 5, 999, time.FixedZone("", 3600)),
	}
	file := write(t, network{name: "podnet", leases: []backend.Lease{l}})
	require.Contains(t, string(file), `"since":"2026-01-02T02:04:05Z"`)
	l.Since = time.Time{}.Add(999)
	file = write(t, network{name: "podnet", leases: []backend.Lease{l}})
	require.NotContains(t, string(file), "since", "less than a second after the zero time")
}

func TestWriteRejects(t *testing.T) {
	unreadable := errors.New("unreadable")
	good := backend.Lease{Addr: ip("10.0.0.1"), Owner: backend.Owner{ContainerID: "c"}}
	for name, tt := range map[string]struct {
		network, store string
		content        backend.Content
		text           string
	}{
		"an invalid network name": {"../a", "bolt", backend.Content{}, `network ../a: invalid characters found in network name "../a"`},
		"an unknown store":        {"podnet", "memory", backend.Content{}, `network podnet: store "memory": want files or bolt`},
		"an invalid boot":         {"podnet", "bolt", backend.Content{LastSearch: " "}, `network podnet: boot " ": invalid argument: begins or ends with a space`},
		"a cursor of an invalid range set": {"podnet", "bolt", backend.Content{Cursors: map[string]netip.Addr{"a/b": ip("10.0.0.1")}},
			`network podnet: range set "a/b"`},
		"a cursor without an address": {"podnet", "bolt", backend.Content{Cursors: map[string]netip.Addr{"0": {}}},
			"network podnet: cursor of range set 0: address is not set"},
		"a torn lease": {"podnet", "bolt", backend.Content{Leases: leases(nil, good, backend.Lease{Addr: ip("10.0.0.2")})},
			"10.0.0.2 of unknown: container ID is empty"},
		"leases out of order":        {"podnet", "bolt", backend.Content{Leases: leases(nil, good, good)}, "10.0.0.1 comes after 10.0.0.1"},
		"leases that cannot be read": {"podnet", "bolt", backend.Content{Leases: leases(unreadable, good)}, "unreadable"},
	} {
		t.Run(name, func(t *testing.T) {
			var file bytes.Buffer
			_, err := dump.Write(&file, tt.network, tt.store, tt.content)
			require.ErrorContains(t, err, tt.text)
			_, err = read(file.Bytes())
			require.Error(t, err, "the output has no end")
		})
	}
}

// full is a disk with space for some bytes.
type full struct{ room int }

func (f *full) Write(p []byte) (int, error) {
	n := min(f.room, len(p))
	f.room -= n
	if n < len(p) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

func TestWriteToFullDisk(t *testing.T) {
	for _, room := range []int{0, 50, 1 << 16, 1 << 20} {
		n, err := dump.Write(&full{room}, "podnet", "bolt", backend.Content{Leases: pods(10_000)})
		require.ErrorIs(t, err, io.ErrShortWrite)
		require.Less(t, n, 10_000, "it stops soon")
	}
	_, err := dump.Write(&full{30}, "podnet", "bolt", backend.Content{Leases: leases(nil)})
	require.ErrorIs(t, err, io.ErrShortWrite)
}
