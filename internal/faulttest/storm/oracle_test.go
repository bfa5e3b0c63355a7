package storm

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/faulttest"
)

// A testOracle is an oracle for a pool of two addresses with three containers.
type testOracle struct {
	*testing.T
	*oracle
}

func newTestOracle(t *testing.T) testOracle {
	return testOracle{t, newOracle(faulttest.Network{Size: 2}, 3)}
}

func (b testOracle) begin(c int, command string) operation {
	return b.oracle.begin(b.all[c], command)
}

// perform begins and ends an operation.
func (b testOracle) perform(c int, command string, a answer) error {
	return b.end(b.begin(c, command), a)
}

// add adds a container that gets the address.
func (b testOracle) add(c, addr int) { require.NoError(b, b.perform(c, "ADD", leased(addr))) }

func leased(addr int) answer {
	return answer{addrs: []netip.Addr{netip.MustParseAddr(fmt.Sprintf("10.0.0.%d", addr))}}
}

func TestOracleRejectsHeldAddress(t *testing.T) {
	b := newTestOracle(t)
	b.add(0, 10)
	b.add(1, 11)
	require.ErrorContains(t, b.perform(2, "ADD", leased(10)), "10.0.0.10 was leased to container-0002, but container-0000 holds it")
}

func TestOracleReleasesAddressAtStartOfDel(t *testing.T) {
	b := newTestOracle(t)
	b.add(0, 10)
	under := b.begin(2, "ADD")
	release := b.begin(0, "DEL")
	require.NoError(t, b.end(under, leased(10)), "the DEL has begun")
	require.NoError(t, b.end(release, answer{}))
	require.Error(t, b.perform(0, "ADD", leased(10)))
}

func TestOracleGC(t *testing.T) {
	b := newTestOracle(t)
	b.add(0, 10)
	b.add(1, 11)
	b.abandon(b.all[0])
	b.abandon(b.all[2]) // holds nothing
	gc := b.beginGC()
	require.Equal(t, []string{"container-0001", "container-0002"}, gc.valid)
	require.Equal(t, b.all[1:], b.usable(b.all))
	b.add(2, 10)
	require.NoError(t, b.end(gc, answer{killed: true}))
	require.Equal(t, b.all[1:], b.usable(b.all), "the killed GC may not have been done")
	require.NoError(t, b.end(b.beginGC(), answer{}))
	require.Equal(t, b.all, b.usable(b.all))
	require.NoError(t, b.perform(0, "CHECK", answer{code: missing}))
}

func TestOracleRejectsWrongAnswers(t *testing.T) {
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
		b := newTestOracle(t)
		if c.held {
			b.add(0, 10)
		}
		if c.killed {
			require.NoError(t, b.perform(0, "ADD", answer{killed: true}))
		}
		o := b.begin(0, c.command)
		if c.command == "GC" {
			o = b.beginGC()
		}
		require.Error(t, b.end(o, c.answer), name)
	}
}

func TestOracleAcceptsAnyAnswerAfterKill(t *testing.T) {
	for _, a := range []answer{leased(10), {code: duplicate}, {code: exhausted}, {code: tryAgain}, {killed: true}} {
		b := newTestOracle(t)
		b.add(1, 11)
		require.NoError(t, b.perform(0, "ADD", answer{killed: true}))
		require.NoError(t, b.perform(0, "ADD", a))
		require.NoError(t, b.checkExhausted(), "the killed ADD may have held an address until then")
	}
}

func TestOracleKnowsWhenPoolCanBeFull(t *testing.T) {
	full := answer{code: exhausted}
	b := newTestOracle(t)
	b.add(0, 10)
	release := b.begin(1, "ADD")
	require.NoError(t, b.perform(2, "ADD", full))
	require.NoError(t, b.end(release, leased(11)))
	require.NoError(t, b.checkExhausted(), "the other ADD was running")

	require.NoError(t, b.perform(1, "DEL", answer{}))
	require.NoError(t, b.perform(2, "ADD", full))
	require.ErrorContains(t, b.checkExhausted(), "found no free address of 2, but at most 1 can have been leased")
}

func TestOracleComparesHolding(t *testing.T) {
	addrs := leased(10).addrs
	for name, c := range map[string]struct {
		held  leaseState
		holds faulttest.Holding
		wrong bool
	}{
		"held":              {held, faulttest.Holding{"container-0000": addrs}, false},
		"lost":              {held, nil, true},
		"exchanged":         {held, faulttest.Holding{"container-0000": leased(11).addrs}, true},
		"leaked":            {absent, faulttest.Holding{"container-0000": addrs}, true},
		"killed, done":      {unsure, faulttest.Holding{"container-0000": addrs}, false},
		"killed, not done":  {unsure, nil, false},
		"unknown container": {absent, faulttest.Holding{"another": addrs}, true},
	} {
		b := newTestOracle(t)
		b.all[0].leaseState, b.all[0].addrs = c.held, addrs
		err := b.compare(c.holds)
		require.Equal(t, c.wrong, err != nil, "%s: %v", name, err)
	}
}

func TestMigrationsAreSpreadEvenly(t *testing.T) {
	var at []int
	for n := 1; n <= 100; n++ {
		if (Options{Operations: 100, Migrations: 2}).migrates(n) {
			at = append(at, n)
		}
	}
	require.Equal(t, []int{34, 67}, at)
}

func TestOracleTellsTheStoryOfAContainer(t *testing.T) {
	b := newTestOracle(t)
	b.add(0, 10)
	b.migrated(false)
	require.NoError(t, b.perform(0, "DEL", answer{killed: true}))
	require.NoError(t, b.perform(0, "DEL", answer{}))
	err := b.compare(faulttest.Holding{"container-0000": leased(10).addrs})
	require.ErrorContains(t, err, "holds [10.0.0.10]; its operations: 1 to 2: ADD, code 0 [10.0.0.10]; "+
		"3 to 4: DEL, killed; 5 to 6: DEL, code 0 []; migrations ended at [2]")
}
