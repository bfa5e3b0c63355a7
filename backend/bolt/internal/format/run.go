package format

import (
	"fmt"
	"net/netip"
)

// A Run is a maximal span of consecutive leased addresses: the addresses before and after
// it are free. The zero Run is empty.
type Run struct{ First, Last netip.Addr }

// Contains reports whether addr is in the run.
func (r Run) Contains(addr netip.Addr) bool {
	return r.First.IsValid() && r.First.BitLen() == addr.BitLen() &&
		r.First.Compare(addr) <= 0 && addr.Compare(r.Last) <= 0
}

// EndsBefore reports whether addr is the address after the run.
func (r Run) EndsBefore(addr netip.Addr) bool {
	return r.Last.IsValid() && r.Last.Next() == addr
}

// DecodeRun decodes an entry of the runs index.
func DecodeRun(key, value []byte) (Run, error) {
	first, err := ParseAddr(key)
	if err != nil {
		return Run{}, fmt.Errorf("run: %w", err)
	}
	last, err := ParseAddr(value)
	if err != nil {
		return Run{}, fmt.Errorf("run from %s: %w", first, err)
	}
	if first.BitLen() != last.BitLen() || last.Less(first) {
		return Run{}, fmt.Errorf("run from %s ends at %s", first, last)
	}
	return Run{first, last}, nil
}

// AppendToRuns adds an address to ascending runs, of which none has a higher one.
func AppendToRuns(runs []Run, addr netip.Addr) []Run {
	if n := len(runs); n > 0 && (runs[n-1].Last == addr || runs[n-1].EndsBefore(addr)) {
		runs[n-1].Last = addr
		return runs
	}
	return append(runs, Run{addr, addr})
}
