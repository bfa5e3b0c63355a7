package storm

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/faulttest"
)

// A bed is a register of a pool of two addresses, and three containers.
type bed struct {
	*testing.T
	*register
}

func newBed(t *testing.T) bed { return bed{t, newRegister(faulttest.Network{Size: 2}, 3)} }

func (b bed) begin(c int, command string) operation {
	return b.register.begin(b.all[c], command)
}

// does has an operation begin and end.
func (b bed) does(c int, command string, a answer) error { return b.end(b.begin(c, command), a) }

// gets has a container get an address.
func (b bed) gets(c, addr int) { require.NoError(b, b.does(c, "ADD", leased(addr))) }

func leased(addr int) answer {
	return answer{addrs: []netip.Addr{netip.MustParseAddr(fmt.Sprintf("10.0.0.%d", addr))}}
}

func TestRegisterKnowsWhoHoldsAnAddress(t *testing.T) {
	b := newBed(t)
	b.gets(0, 10)
	b.gets(1, 11)
	require.ErrorContains(t, b.does(2, "ADD", leased(10)), "10.0.0.10 is leased to container-0002, and container-0000, which has not been released")
}

func TestRegisterKnowsWhenAnAddressIsReleased(t *testing.T) {
	b := newBed(t)
	b.gets(0, 10)
	under := b.begin(2, "ADD")
	release := b.begin(0, "DEL")
	require.NoError(t, b.end(under, leased(10)), "the DEL has begun")
	require.NoError(t, b.end(release, answer{}))
	require.Error(t, b.does(0, "ADD", leased(10)))
}

func TestRegisterKnowsWhatAGCTakes(t *testing.T) {
	b := newBed(t)
	b.gets(0, 10)
	b.gets(1, 11)
	b.abandon(b.all[0])
	b.abandon(b.all[2]) // which holds nothing
	gc := b.beginGC()
	require.Equal(t, []string{"container-0001", "container-0002"}, gc.valid)
	require.Equal(t, b.all[1:], b.usable(b.all))
	b.gets(2, 10)
	require.NoError(t, b.end(gc, answer{killed: true}))
	require.Equal(t, b.all[1:], b.usable(b.all), "it may not have been done")
	require.NoError(t, b.end(b.beginGC(), answer{}))
	require.Equal(t, b.all, b.usable(b.all))
	require.NoError(t, b.does(0, "CHECK", answer{code: missing}))
}

func TestRegisterRefusesWrongAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		command string
		held    bool
		killed  bool // an ADD was, before
		answer
	}{
		"CHECK of what is held":       {command: "CHECK", held: true, answer: answer{code: missing}},
		"CHECK of what is not":        {command: "CHECK"},
		"ADD of what is held":         {command: "ADD", held: true, answer: leased(11)},
		"ADD of what is held, full":   {command: "ADD", held: true, answer: answer{code: exhausted}},
		"ADD of what is not":          {command: "ADD", answer: answer{code: duplicate}},
		"ADD without addresses":       {command: "ADD"},
		"ADD of too many":             {command: "ADD", answer: answer{addrs: make([]netip.Addr, 2)}},
		"ADD, checked":                {command: "ADD", answer: answer{code: missing}},
		"ADD after one killed":        {command: "ADD", killed: true, answer: answer{code: missing}},
		"DEL that fails":              {command: "DEL", held: true, answer: answer{code: tryAgain}},
		"DEL that fails unexpectedly": {command: "DEL", answer: answer{err: errors.New("no")}},
		"GC that fails":               {command: "GC", answer: answer{code: tryAgain}},
	} {
		b := newBed(t)
		if c.held {
			b.gets(0, 10)
		}
		if c.killed {
			require.NoError(t, b.does(0, "ADD", answer{killed: true}))
		}
		o := b.begin(0, c.command)
		if c.command == "GC" {
			o = b.beginGC()
		}
		require.Error(t, b.end(o, c.answer), name)
	}
}

func TestRegisterTakesAnyAnswerAfterAKill(t *testing.T) {
	for _, a := range []answer{leased(10), {code: duplicate}, {code: exhausted}, {code: tryAgain}, {killed: true}} {
		b := newBed(t)
		b.gets(1, 11)
		require.NoError(t, b.does(0, "ADD", answer{killed: true}))
		require.NoError(t, b.does(0, "ADD", a))
		require.NoError(t, b.rightlyRefused(), "the one killed may have leased an address until then")
	}
}

func TestRegisterKnowsWhenThePoolCanBeFull(t *testing.T) {
	full := answer{code: exhausted}
	b := newBed(t)
	b.gets(0, 10)
	release := b.begin(1, "ADD")
	require.NoError(t, b.does(2, "ADD", full))
	require.NoError(t, b.end(release, leased(11)))
	require.NoError(t, b.rightlyRefused(), "that ADD was under way")

	require.NoError(t, b.does(1, "DEL", answer{}))
	require.NoError(t, b.does(2, "ADD", full))
	require.ErrorContains(t, b.rightlyRefused(), "found no address left, of 2, when at most 1 can have been leased")
}

func TestRegisterComparesWhatIsThereAfterwards(t *testing.T) {
	addrs := leased(10).addrs
	for name, c := range map[string]struct {
		held  fate
		holds faulttest.Holding
		wrong bool
	}{
		"held":             {held, faulttest.Holding{"container-0000": addrs}, false},
		"lost":             {held, nil, true},
		"exchanged":        {held, faulttest.Holding{"container-0000": leased(11).addrs}, true},
		"leaked":           {absent, faulttest.Holding{"container-0000": addrs}, true},
		"killed, and done": {unsure, faulttest.Holding{"container-0000": addrs}, false},
		"killed, and not":  {unsure, nil, false},
		"of nobody":        {absent, faulttest.Holding{"another": addrs}, true},
	} {
		b := newBed(t)
		b.all[0].fate, b.all[0].addrs = c.held, addrs
		err := b.compare(c.holds)
		require.Equal(t, c.wrong, err != nil, "%s: %v", name, err)
	}
}

func TestMigrationsDivideAStorm(t *testing.T) {
	var at []int
	for n := 1; n <= 100; n++ {
		if (Options{Operations: 100, Migrations: 2}).migrates(n) {
			at = append(at, n)
		}
	}
	require.Equal(t, []int{34, 67}, at)
}
