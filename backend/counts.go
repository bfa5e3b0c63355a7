package backend

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

// Plus returns the sums of two Counts.
func (c Counts) Plus(d Counts) Counts {
	c.Made += d.Made
	c.Undone += d.Undone
	for i := range d.Ended {
		c.Ended[i] += d.Ended[i]
	}
	return c
}

// Minus returns the differences of two Counts.
func (c Counts) Minus(d Counts) Counts {
	c.Made -= d.Made
	c.Undone -= d.Undone
	for i := range d.Ended {
		c.Ended[i] -= d.Ended[i]
	}
	return c
}
