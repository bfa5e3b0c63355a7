package format

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leasehold/leasehold/backend"
)

func ended(l backend.Lease, lasted time.Duration, c backend.Cause) backend.Ended {
	l.Boot, l.Netns = "", ""
	return backend.Ended{Lease: l, Until: l.Since.Add(lasted), Cause: c}
}

// The bytes on disk: a change here is a new version of the format.
func TestPackBytes(t *testing.T) {
	six := full
	six.Addr = netip.MustParseAddr("fd00::2")
	near := backend.Lease{Addr: netip.MustParseAddr("10.88.1.9"), Owner: backend.Owner{ContainerID: "id"}}
	p := Pack{First: 300, List: []Past{
		NewPast(ended(full, time.Minute, backend.EndedByDEL), 0),
		NewPast(ended(six, time.Minute, backend.EndedByDEL), 298),
		NewPast(ended(full, time.Hour, backend.EndedByGC), 300).Forgotten(),
		NewPast(backend.Ended{Lease: near, Cause: backend.EndedByRelease}, 0),
	}}
	require.Equal(t, "000000000000012c", hex.EncodeToString(p.Key()))
	require.Equal(t, "04"+ // four ended leases
		"01"+"040a580002"+ // by DEL, 10.88.0.2
		"f884a4920d"+"78"+ // until 1764000060, for 60 s, zigzag
		"81014f2d9c7be0a1f3d5c6b7a8990123456789abcdef0123456789abcdef01234567"+"1065746830"+
		"2c6b7562652d73797374656d"+"60636f7265646e732d363734623862626663662d78376b3270"+ // as in a record
		"51"+"06fd000000000000000000000000000002"+"03"+ // the same holder, fd00::2, three numbers before
		"00"+"78"+ // at the same time
		"60"+"040a580002"+"02"+ // forgotten, 10.88.0.2, two numbers before
		"f784a4920d"+"00"+
		"84"+"0109"+ // by an operator, the same address but for the last two bytes
		"00"+"00"+"086964"+"00"+"00"+"00"+ // no times, and only an ID
		"a2736504", // checksum
		hex.EncodeToString(p.Encode()))

	require.Equal(t, "040a58000000", hex.EncodeToString(append(LatestKey(full.Addr), 0)))
	v, err := Latest(nil).With(full.Addr, 300)
	require.NoError(t, err)
	v, err = v.With(netip.MustParseAddr("10.88.0.1"), 1)
	require.NoError(t, err)
	require.Equal(t, "11"+"c225", hex.EncodeToString(v)) // 1<<4|1, 300<<4|2
}

func TestPackRoundTrip(t *testing.T) {
	text := rapid.OneOf(rapid.StringMatching(`[a-z0-9-]{0,30}`), rapid.StringMatching(`[0-9a-f]{64}`))
	rapid.Check(t, func(t *rapid.T) {
		p := Pack{First: rapid.Uint64Range(1, 1<<40).Draw(t, "first")}
		var want []backend.Ended
		for range rapid.IntRange(1, 40).Draw(t, "n") {
			e := backend.Ended{
				Lease: backend.Lease{
					Addr:  netip.AddrFrom4([4]byte{10, 0, 0, rapid.Byte().Draw(t, "addr")}),
					Owner: backend.Owner{ContainerID: "c" + text.Draw(t, "id"), IfName: text.Draw(t, "ifname")},
					Since: timeOf(rapid.Int64Range(-1<<40, 1<<40).Draw(t, "since"), 0),
					Pod:   backend.Pod{Namespace: text.Draw(t, "namespace"), Name: text.Draw(t, "pod")},
				},
				Until: timeOf(rapid.Int64Range(-1<<40, 1<<40).Draw(t, "until"), 0),
				Cause: backend.Cause(rapid.IntRange(0, 4).Draw(t, "cause")),
			}
			if n := len(want); n > 0 && rapid.Bool().Draw(t, "same holder") {
				e.Owner, e.Pod = want[n-1].Owner, want[n-1].Pod
			}
			want = append(want, e)
			p.List = append(p.List, NewPast(e, rapid.Uint64Range(0, p.Next()-1).Draw(t, "before")))
		}
		got, err := DecodePack(p.Key(), p.Encode())
		require.NoError(t, err)
		require.Equal(t, p.First, got.First)
		require.Len(t, got.List, len(want))
		for i, past := range got.List {
			e, err := past.Ended()
			require.NoError(t, err)
			require.Equal(t, want[i], e)
			require.Equal(t, p.List[i].Before, past.Before)
		}
		require.Equal(t, p.Encode(), got.Encode())
	})
}

func TestPackDetectsDamage(t *testing.T) {
	p := Pack{First: 9, List: []Past{NewPast(ended(full, time.Minute, backend.EndedByDEL), 3)}}
	p = p.With(NewPast(ended(full, time.Hour, backend.EndedByGC), 9))
	require.Len(t, p.List, 2)
	key, value := p.Key(), p.Encode()
	for _, b := range [][]byte{key, value} {
		for i := range b {
			for bit := range 8 {
				b[i] ^= 1 << bit
				_, err := DecodePack(key, value)
				require.Error(t, err)
				b[i] ^= 1 << bit
			}
		}
	}
	for n := range value {
		_, err := DecodePack(key, value[:n])
		require.Error(t, err)
	}
}

// Whatever has the right checksum gives an error or ended leases, and neither a panic nor a loop.
func TestPackOfAnyBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := PackKey(rapid.Uint64().Draw(t, "first"))
		b := rapid.SliceOfN(rapid.ByteRange(0, 40), 0, 60).Draw(t, "bytes")
		b = binary.BigEndian.AppendUint32(b, packSum(key, b))
		p, err := DecodePack(key, b)
		if err != nil {
			return
		}
		require.NotEmpty(t, p.List)
		for i, past := range p.List {
			require.Less(t, past.Before, p.First+uint64(i))
			_, _ = past.Ended() // It may be invalid.
		}
	})
}

func TestLatestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var v Latest
		want := make(map[netip.Addr]uint64)
		key := LatestKey(netip.AddrFrom4([4]byte{10, 0, 0, 16}))
		for range rapid.IntRange(0, 60).Draw(t, "n") {
			addr := netip.AddrFrom4([4]byte{10, 0, 0, 16 + byte(rapid.IntRange(0, 15).Draw(t, "low"))})
			number := rapid.Uint64Range(0, 1<<50).Draw(t, "number")
			var err error
			v, err = v.With(addr, number)
			require.NoError(t, err)
			if want[addr] = number; number == 0 {
				delete(want, addr)
			}
			of, err := v.Of(addr)
			require.NoError(t, err)
			require.Equal(t, number, of)
		}
		got := make(map[netip.Addr]uint64)
		require.NoError(t, v.Each(key, func(addr netip.Addr, number uint64) { got[addr] = number }))
		require.Equal(t, want, got)
	})
}

func TestLatestRejectsWhatItIsNot(t *testing.T) {
	key := LatestKey(full.Addr)
	nothing := func(netip.Addr, uint64) {}
	for _, v := range []Latest{{0x80}, {0x02}, {0x12, 0x12}, {0x13, 0x12}} {
		require.ErrorIs(t, v.Each(key, nothing), errLatest, "%x", []byte(v))
	}
	for _, key := range [][]byte{nil, {4, 1, 2, 3}, AddrKey(full.Addr)} {
		require.ErrorIs(t, Latest(nil).Each(key, nothing), errLatest, "%x", key)
	}
}

// Adding to the encoded tail gives the same bytes as encoding the whole pack.
func TestTailIsAPack(t *testing.T) {
	for _, spread := range []int{1, 300} {
		pack, tail := Pack{First: 7}, NewTail(7)
		for i := range 2000 {
			l := full
			l.Addr = netip.AddrFrom4([4]byte{10, byte(i * spread >> 16), byte(i * spread >> 8), byte(i * spread)})
			l.Since = l.Since.Add(time.Duration(i) * time.Second)
			p := NewPast(ended(l, time.Minute, backend.EndedByDEL), uint64(i%5))
			pack = pack.With(p)
			require.Equal(t, pack.Next()-1, tail.Next())
			key, value := tail.With(p)
			require.Equal(t, pack.Key(), key)
			require.Equal(t, pack.Encode(), value)
			var err error
			tail, err = DecodeTail(key, value)
			require.NoError(t, err)
			n := 0
			for got, err := range EachPast(key, value, pack.First+2) {
				require.NoError(t, err)
				require.Equal(t, pack.List[2+n], got)
				n++
			}
			require.Equal(t, max(len(pack.List)-2, 0), n)
		}
	}
}
