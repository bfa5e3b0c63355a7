package picture

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
)

// The rows of each picture have each address of the range once, in order.
func TestRowsAddUp(t *testing.T) {
	for name, p := range pictures(t) {
		for _, size := range []struct{ width, limit int }{{32, 12}, {64, 40}, {128, 96}, {64, 1}} {
			rows, _ := p.Rows(size.width, size.limit)
			require.LessOrEqual(t, len(rows), size.limit, name)
			var counted tally
			next := p.r.First()
			for _, r := range rows {
				cells := r.Cells
				if cells == nil {
					cells = []Cell{r.Skipped}
					require.Zero(t, r.Skipped.Leased+r.Skipped.Earlier+r.Skipped.Torn+r.Skipped.Cooling, name)
				} else {
					require.Len(t, cells, size.width)
				}
				for _, c := range cells {
					if c.Look == Outside {
						continue
					}
					require.Equal(t, next, c.Span.First, name)
					require.Contains(t, c.Text, c.Span.String()+": ")
					next = c.Span.Last.Next()
					counted = counted.plus(tally{leased: c.Leased, earlier: c.Earlier, torn: c.Torn, cooling: c.Cooling})
				}
			}
			require.Equal(t, p.r.Last().Next(), next, name)
			all := p.total()
			all.stray = 0
			require.Equal(t, all, counted, name)
		}
	}
}

// Two leases far apart in a /64 are shown one address to a cell.
func TestRowsSkipWhatIsFree(t *testing.T) {
	p := New("podnet", subnet(t, "fd00::/64"), then)
	p.Add(lease(addr("fd00::9:2")))
	p.Add(lease(addr("fd00::2")))
	rows, shift := p.Rows(64, 12)
	require.Zero(t, shift)
	require.Len(t, rows, 4)
	require.Equal(t, "fd00::40-fd00::8:ffff: 589,760 free", rows[1].Skipped.Text)
	require.Equal(t, addr("fd00::9:0"), rows[2].First)
	require.Equal(t, "fd00::9:2: leased to 4f2d9c (eth0)", rows[2].Cells[2].Text)
	require.Equal(t, "4f2d9c", rows[2].Cells[2].Lease.Owner.ContainerID)
	require.Equal(t, "leased", Looks()[rows[2].Cells[2].Look].Means)
	require.Equal(t, addr("fd00::ffff:ffff:ffff:ffff"), rows[3].Skipped.Span.Last)
	require.Equal(t, "withheld", Looks()[rows[0].Cells[1].Look].Name)
}

func TestRowsOfManyLeases(t *testing.T) {
	p := NewDetailed("podnet", subnet(t, "10.0.0.0/16"), then, 12_288)
	a := netip.MustParseAddr("10.0.0.2")
	for range 10_000 {
		p.Add(lease(a))
		a = a.Next()
	}
	rows, shift := p.Rows(128, 96)
	require.Zero(t, shift, "an address to a cell")
	require.Len(t, rows, 80)
	for range 3_000 {
		p.Add(lease(a))
		a = a.Next()
	}
	_, shift = p.Rows(128, 96)
	require.Equal(t, 1, shift)
}

// A host can lease only from the blocks that it holds.
func TestBlocksNotHeld(t *testing.T) {
	p := New("podnet", subnet(t, "10.0.0.0/27"), then)
	p.SetHeld([]allocator.Span{span(t, "10.0.0.0/29"), span(t, "10.0.0.16-10.0.0.19")})
	p.Add(lease(addr("10.0.0.2")))
	p.Add(lease(addr("10.0.0.8"))) // in a block that was given back since
	rows, _ := p.Rows(32, 4)
	var text string
	for _, c := range rows[0].Cells {
		if c.Look == Outside {
			text += " "
		} else {
			text += string(Looks()[c.Look].Glyph)
		}
	}
	require.Equal(t, " x█·····█-------····----------- ", text)
	require.Equal(t, "10.0.0.9: not held by this host", rows[0].Cells[9].Text)
	_, d := svg(t, p)
	require.Equal(t, []string{"9 free", "2 leased", "18 not held by this host", "1 withheld"}, d.texts(0, "entry"))
	larger, _ := p.Rows(2, 2)
	require.Equal(t, "10.0.0.8-10.0.0.15: 1 leased, 7 not held by this host", larger[0].Cells[1].Text)
	require.Equal(t, "10.0.0.16-10.0.0.23: 4 free, 4 not held by this host", larger[1].Cells[0].Text)
}
