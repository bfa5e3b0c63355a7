package backend

import "time"

// NumCauses is the number of causes: they are numbered from 0 on.
const NumCauses = int(causes)

// Counts are how many leases a store has had since it was made, or since it was made of another
// store's [Content]. All of them only grow.
type Counts struct {
	// Made counts the leases that were made. A lease that is renewed is not made again.
	Made uint64

	// Ended counts those that have ended, by [Cause].
	Ended [NumCauses]uint64

	// Undone counts those that were taken back because no caller could be told of them.
	Undone uint64

	// Gap is when the last lease ended that the history lacks although it was not dropped: the history
	// was off, the disk was full, or a part of the history was damaged. It is zero if it lacks none, and
	// in UTC, to the second. Unlike the counts, it is moved to another store with a [Content].
	Gap time.Time

	// Renewed is when a lease was last renewed, which got the time of that, in UTC, to the second: since when
	// such a lease was held is not known. It is zero if none was.
	Renewed time.Time
}

// Explain reports whether the leases that a store holds, and the ended ones in its history, are all
// that it has ever had. They are not if leases were moved into it, or ended leases were dropped.
func (c Counts) Explain(held, ended uint64) bool {
	all := uint64(0)
	for _, n := range c.Ended {
		all += n
	}
	return all == ended && c.Made == c.Undone+held+ended
}

// Plus returns the sums of two Counts, and the later times.
func (c Counts) Plus(d Counts) Counts {
	c.Made += d.Made
	c.Undone += d.Undone
	for i := range d.Ended {
		c.Ended[i] += d.Ended[i]
	}
	c.Gap, c.Renewed = later(c.Gap, d.Gap), later(c.Renewed, d.Renewed)
	return c
}

// later returns the later time, to the second.
func later(a, b time.Time) time.Time {
	if !b.After(a) {
		return a
	}
	return time.Unix(b.Unix(), 0).UTC()
}
