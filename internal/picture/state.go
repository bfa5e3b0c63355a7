package picture

// A state is the appearance of a cell.
type state int

const (
	outside   state = iota // no address of the range
	open                   // not leased
	sparse                 // under a third of the leasable addresses are leased
	halfway                // under two thirds
	dense                  // not all
	full                   // all
	earlier                // most leases are from an earlier boot
	torn                   // most leases are torn
	withheld               // no address can be leased
	cooling                // none is leased, and at least one cools
	elsewhere              // other hosts can hold all of it: no address can be leased here

	states // the number of states
)

func (c cell) state() state {
	taken := c.taken()
	switch {
	case c.span.Size() == 0:
		return outside
	case c.leasable == 0:
		return withheld
	case taken == 0 && c.cooling > 0:
		return cooling
	case taken == 0 && c.elsewhere == c.leasable:
		return elsewhere
	case taken == 0:
		return open
	case c.torn > taken/2:
		return torn
	case c.earlier > taken/2:
		return earlier
	case taken == c.leasable:
		return full
	}
	switch part := float64(taken) / float64(c.leasable); {
	case part < 1./3:
		return sparse
	case part < 2./3:
		return halfway
	}
	return dense
}

// A look is the representation of a state.
type look struct {
	glyph rune // without colours

	// The colour on terminals with millions of colours, chosen from the 256 of others, and
	// the colour on terminals with sixteen. They must suit both black and white
	// backgrounds, because terminals do not tell theirs.
	rgb  string
	ansi int

	// The class in an SVG, and its colour on a light and on a dark background.
	class, light, dark string
}

func (s state) look() look {
	return [...]look{
		outside:   {glyph: ' '},
		open:      {'·', "#5f5f5f", 8, "free", "#e6e9ee", "#2b313b"},
		sparse:    {'░', "#005f87", 4, "sparse", "#b5d5f2", "#28527a"},
		halfway:   {'▒', "#0087d7", 12, "halfway", "#76b1e6", "#3478b5"},
		dense:     {'▓', "#5fafff", 6, "dense", "#3585cc", "#56a6ea"},
		full:      {'█', "#afd7ff", 14, "full", "#12508f", "#a9d6ff"},
		earlier:   {'o', "#ffaf00", 3, "earlier", "#f0a030", "#e39a2d"},
		torn:      {'?', "#ff005f", 9, "torn", "#d6224a", "#ff5c77"},
		withheld:  {'x', "#875f87", 5, "withheld", "#a39aa8", "#77707d"},
		cooling:   {'~', "#00af87", 2, "cooling", "#7cc7a5", "#3f8f6f"},
		elsewhere: {'-', "#444444", 8, "elsewhere", "#f4f5f7", "#1d2127"},
	}[s]
}
