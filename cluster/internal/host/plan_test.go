package host_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/cluster/internal/etcdtest"
	"github.com/leasehold/leasehold/cluster/internal/host"
)

// nowhere is servers that no process listens for.
var nowhere = &etcdtest.Server{Endpoint: "http://127.0.0.1:1"}

// Each host needs a block of each range set, so few blocks are for few hosts.
func TestPlan(t *testing.T) {
	const (
		all  = `[{"subnet": "10.0.0.0/24"}]`
		wide = `[{"subnet": "10.8.0.0/14"}]`
		six  = `[{"subnet": "fd00::/64"}]`
	)
	for name, c := range map[string]struct {
		ranges         string
		size           uint64
		block4, block6 uint64
		warns, refuses string
	}{
		"default":           {ranges: all, block4: 1},
		"default, wide":     {ranges: wide, block4: 64},
		"default, IPv6":     {ranges: six, block6: 256},
		"a host's":          {ranges: all, size: 256, refuses: "all addresses of range set 10.0.0.1-10.0.0.254 would be in one block of 256: the first host would get them, and no other host any, and the size never changes; choose a smaller one with --block-size, or leave that out, for blocks of 1"},
		"larger than a set": {ranges: all, size: 1 << 16, refuses: "one block of 65536"},
		"two":               {ranges: all, size: 128, block4: 128, warns: "range set 10.0.0.1-10.0.0.254 has 2 blocks of 128 addresses: no more than 2 hosts at a time can have addresses of it; without --block-size, blocks have 1"},
		"seven of eight":    {ranges: `[{"subnet": "10.0.0.0/24", "rangeStart": "10.0.0.32"}]`, size: 32, block4: 32, warns: "has 7 blocks of 32"},
		"eight":             {ranges: all, size: 32, block4: 32},
		"excluded":          {ranges: `[{"subnet": "10.0.0.0/24", "exclude": ["10.0.0.64/26", "10.0.0.128/25"]}]`, size: 64, refuses: "in one block of 64"},
		"no power of two":   {ranges: all, size: 96, refuses: "block size 96: want a power of two"},

		"the smallest set decides": {ranges: wide + `, [{"subnet": "10.0.0.0/28"}]`, block4: 1},
		"one set alone has few":    {ranges: wide + `, [{"subnet": "10.0.0.0/28"}]`, size: 64, refuses: "all addresses of range set 10.0.0.1-10.0.0.14 would"},
		"IPv6 with few addresses":  {ranges: `[{"subnet": "fd00::/120"}]`, block6: 1},
		"one address":              {ranges: `[{"subnet": "10.0.0.0/24", "rangeStart": "10.0.0.9", "rangeEnd": "10.0.0.9"}]`, block4: 1, warns: "range set 10.0.0.9-10.0.0.9 has one block: one host at a time can have addresses of it"},
		"few addresses":            {ranges: `[{"subnet": "10.0.0.0/29"}]`, block4: 1},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, nowhere, "a", "")
			h, err := host.Open(fmt.Appendf(nil, `{"cniVersion": "1.1.0", "name": "net", "ipam": {"type": "host-local", "backend": "bolt",
				"cluster": "dc1", "dataDir": %q, "ranges": [%s]}}`, m.data, c.ranges), "", m.settings)
			require.NoError(t, err)
			defer h.Close() // It has no connection.
			got, warnings, err := h.Plan(t.Context(), c.size, false)
			if c.refuses != "" {
				require.ErrorContains(t, err, c.refuses)
				_, err = h.Init(t.Context(), c.size, false)
				require.ErrorContains(t, err, c.refuses)
				return
			}
			require.NoError(t, err)
			require.Equal(t, []uint64{c.block4, c.block6}, []uint64{got.Block4, got.Block6})
			if c.warns == "" {
				require.Empty(t, warnings)
			} else {
				require.Len(t, warnings, 1)
				require.Contains(t, warnings[0], c.warns)
			}
		})
	}
}
