package report

import (
	"time"

	"github.com/leasehold/leasehold/backend"
)

// A Fill is how many addresses of a range set were leased over time. The zero Fill is not known.
type Fill struct {
	From, To time.Time
	Leased   []int // at equal intervals, the first at From, the last at To
}

const (
	fillPoints = 241

	// maxFill is how far back a Fill goes at most, and minFill how far it has to go to say
	// anything.
	maxFill = 30 * 24 * time.Hour
	minFill = time.Minute
)

// A filling counts leases over time.
type filling struct {
	from, to time.Time
	before   int   // held at from
	changes  []int // since the point before
}

// newFilling returns a filling, or nil if that is too little time. Leases that ended before from need
// not be known.
func newFilling(from, to time.Time) *filling {
	if earliest := to.Add(-maxFill); from.Before(earliest) {
		from = earliest
	}
	if to.Sub(from) < minFill {
		return nil
	}
	return &filling{from: from, to: to, changes: make([]int, fillPoints)}
}

// add counts a lease that was held until then, or is still held if until is zero.
func (f *filling) add(l backend.Lease, until time.Time) {
	if f == nil || !until.IsZero() && until.Before(f.from) {
		return
	}
	if l.Since.After(f.from) {
		f.changes[f.point(l.Since)]++
	} else {
		f.before++
	}
	if !until.IsZero() {
		f.changes[f.point(until)]--
	}
}

// point returns the first point at or after a time. The last one is also for what is dated in the
// future, by a clock that was wrong.
func (f *filling) point(at time.Time) int {
	if !at.Before(f.to) {
		return fillPoints - 1 // A difference to a time in centuries would overflow.
	}
	interval := f.to.Sub(f.from) / (fillPoints - 1)
	return int((at.Sub(f.from) + interval - 1) / interval)
}

func (f *filling) fill() Fill {
	if f == nil {
		return Fill{}
	}
	fill := Fill{From: f.from, To: f.to, Leased: make([]int, fillPoints)}
	n := f.before
	for i, change := range f.changes {
		n += change
		fill.Leased[i] = n
	}
	return fill
}
