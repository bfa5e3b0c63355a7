package picture

// A state is how a cell looks.
type state int

const (
	outside  state = iota // no address of the range
	open                  // nothing is leased
	sparse                // less than a third of what can be leased is
	halfway               // less than two thirds
	dense                 // not all
	full                  // all
	earlier               // most leases are of an earlier boot
	torn                  // most leases are torn
	withheld              // nothing can be leased
)

func (c cell) state() state {
	taken := c.taken()
	switch {
	case c.span.Size() == 0:
		return outside
	case c.leasable == 0:
		return withheld
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

// A look is how a state is drawn.
type look struct {
	glyph rune // where there are no colours

	// The colour on a terminal that has millions, of those that one with 256 has
	// too, and the colour on one that has sixteen. They have to do on black and
	// on white: terminals do not say which it is.
	rgb  string
	ansi int

	// The class in an SVG, and its colour on a light and on a dark ground.
	class, light, dark string
}

func (s state) look() look {
	return [...]look{
		outside:  {glyph: ' '},
		open:     {'·', "#5f5f5f", 8, "free", "#e6e9ee", "#2b313b"},
		sparse:   {'░', "#005f87", 4, "sparse", "#b5d5f2", "#28527a"},
		halfway:  {'▒', "#0087d7", 12, "halfway", "#76b1e6", "#3478b5"},
		dense:    {'▓', "#5fafff", 6, "dense", "#3585cc", "#56a6ea"},
		full:     {'█', "#afd7ff", 14, "full", "#12508f", "#a9d6ff"},
		earlier:  {'o', "#ffaf00", 3, "earlier", "#f0a030", "#e39a2d"},
		torn:     {'?', "#ff005f", 9, "torn", "#d6224a", "#ff5c77"},
		withheld: {'x', "#875f87", 5, "withheld", "#a39aa8", "#77707d"},
	}[s]
}
