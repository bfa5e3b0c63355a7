package simulation

// A cache is the cache of a machine, which now and then returns what it had before, or what another
// machine has, or nothing.
type cache struct {
	world *world
	of    *machine
}

func (c cache) Get() []byte {
	seen := c.of.seen
	switch c.world.IntN(10) {
	case 0:
		return nil
	case 1:
		seen = c.world.machines[c.world.IntN(len(c.world.machines))].seen
	case 2:
		seen = seen[:c.world.IntN(len(seen)+1)]
	}
	if len(seen) == 0 {
		return nil
	}
	return seen[len(seen)-1]
}

func (c cache) Set(text []byte) { c.of.seen = append(c.of.seen, text) }
