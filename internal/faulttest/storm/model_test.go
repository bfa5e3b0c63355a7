package storm

import (
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"
)

// A step is an operation of a handmade history.
type step struct {
	call
	outcome
}

func (s step) killed() step         { s.outcome = outcome{killed: true}; return s }
func (s step) fails(code uint) step { s.outcome = outcome{code: code}; return s }

func add(number, offset int8) step {
	return step{call{command: "ADD", container: number}, outcome{addrs: addresses{offset, -1}}}
}

func addBoth(number, offset4, offset6 int8) step {
	return step{call{command: "ADD", container: number}, outcome{addrs: addresses{offset4, offset6}}}
}

func del(number int8) step { return step{call: call{command: "DEL", container: number}} }

func check(number, offset int8) step {
	return step{call: call{command: "CHECK", container: number, addrs: addresses{offset, -1}}}
}

func gc(valid ...int8) step {
	s := step{call: call{command: "GC"}}
	for _, number := range valid {
		s.valid |= 1 << number
	}
	return s
}

// releasing adds to a GC or DEL the addresses of the first family that it reports as
// released.
func (s step) releasing(h [maxAddresses]int8) step {
	s.held[0], s.hasHeld = h, true
	return s
}

func listed(h [maxAddresses]int8) step {
	return step{call{command: "LIST"}, outcome{held: holders{h}}}
}

// of returns a history of groups of steps, one group after the other. The steps of a group
// are concurrent.
func (m model) of(groups ...[]step) History {
	h := History{model: m}
	now := int64(0)
	for _, group := range groups {
		for _, s := range group {
			h.operations = append(h.operations, porcupine.Operation{
				Input: s.call, Output: s.outcome, Call: now, Return: now + 1,
			})
			h.servedAt = append(h.servedAt, 0)
		}
		now += 2
	}
	return h
}

func one(s step) []step { return []step{s} }

// linearizable reports whether the history is linearizable with a pool that leases the next
// free address, and with one that leases any free address.
func linearizable(h History) (next, any bool) {
	const timeLimit = 10 * time.Second
	next = h.search(timeLimit) == porcupine.Ok
	h.model.anyFree = true
	return next, h.search(timeLimit) == porcupine.Ok
}

func TestModel(t *testing.T) {
	single := model{size: 3, families: 1}
	dual := model{size: 3, families: 2}
	repeating := model{size: 3, families: 1, repeat: true}
	hinting := model{size: 3, families: 1, cursorIsHint: true}
	cooling := model{size: 3, families: 1, cools: true}
	hintingBoth := model{size: 3, families: 2, cursorIsHint: true}
	const good, free, bad = "good", "good if any free address may be leased", "bad"

	for name, c := range map[string]struct {
		want string
		History
	}{
		"in turn":                       {good, single.of(one(add(1, 0)), one(add(2, 1)), one(add(3, 2)))},
		"at once":                       {good, single.of([]step{add(1, 2), add(2, 0), add(3, 1)})},
		"around":                        {good, single.of(one(add(1, 0)), one(del(1)), one(add(1, 1)), one(add(2, 2)), one(add(3, 0)))},
		"out of turn":                   {free, single.of(one(add(1, 0)), one(del(1)), one(add(2, 0)))},
		"skips one":                     {free, single.of(one(add(1, 0)), one(add(2, 2)))},
		"doubled":                       {bad, single.of(one(add(1, 0)), one(add(2, 0)))},
		"doubled at once":               {bad, single.of([]step{add(1, 0), add(2, 0)})},
		"doubled, around":               {bad, single.of(one(add(1, 0)), one(add(2, 1)), one(add(3, 2)), one(add(4, 0)))},
		"released while it is leased":   {good, single.of(one(add(1, 0)), one(add(2, 1)), one(add(3, 2)), []step{add(4, 0), del(1)})},
		"leased before it is released":  {bad, single.of(one(add(1, 0)), one(add(2, 1)), one(add(3, 2)), one(add(4, 0)), one(del(1)))},
		"full":                          {good, single.of([]step{add(1, 0), add(2, 1), add(3, 2)}, one(add(4, 0).fails(exhausted)))},
		"not full":                      {bad, single.of([]step{add(1, 0), add(2, 1)}, one(add(4, 0).fails(exhausted)))},
		"full at one moment":            {good, single.of([]step{add(1, 0), add(2, 1)}, []step{add(3, 2), del(1), add(4, 0).fails(exhausted)})},
		"full at no moment":             {bad, single.of([]step{add(1, 0), add(2, 1)}, one(del(1)), []step{add(3, 2), add(4, 0).fails(exhausted)})},
		"again":                         {good, single.of(one(add(1, 0)), one(add(1, 0).fails(duplicate)))},
		"again, with another":           {bad, single.of(one(add(1, 0)), one(add(1, 1)))},
		"again, but not there":          {bad, single.of(one(add(1, 0).fails(duplicate)))},
		"again, and returned":           {good, repeating.of(one(add(1, 0)), one(add(1, 0)), one(add(2, 1)))},
		"again, and another returned":   {bad, repeating.of(one(add(1, 0)), one(add(1, 1)))},
		"again, and not returned":       {bad, repeating.of(one(add(1, 0)), one(add(1, 0).fails(duplicate)))},
		"try again":                     {good, single.of(one(add(1, 0).fails(tryAgain)), one(add(2, 0)))},
		"any other error":               {bad, single.of(one(add(1, 0).fails(5)), one(add(2, 0)))},
		"DEL twice":                     {good, single.of(one(add(1, 0)), one(del(1)), one(del(1)))},
		"DEL without effect":            {bad, single.of(one(add(1, 0)), one(del(1)), one(check(1, 0)))},
		"DEL fails":                     {bad, single.of(one(del(1).fails(5)))},
		"DEL tells":                     {good, single.of(one(add(1, 0)), one(del(1).releasing([maxAddresses]int8{1})))},
		"DEL tells of nothing":          {bad, single.of(one(add(1, 0)), one(del(1).releasing([maxAddresses]int8{})))},
		"checked":                       {good, single.of(one(add(1, 0)), one(check(1, 0)))},
		"checked and missing":           {bad, single.of(one(add(1, 0)), one(check(1, 0).fails(missing)))},
		"checked another's":             {bad, single.of([]step{add(1, 0), add(2, 1)}, one(check(1, 1)))},
		"checked without addresses":     {bad, single.of(one(check(1, -1)))},
		"stale check":                   {bad, single.of(one(add(1, 0)), one(del(1)), one(add(1, 1)), one(check(1, 0)))},
		"checked while it is released":  {good, single.of(one(add(1, 0)), []step{del(1), check(1, 0), check(1, 0).fails(missing)})},
		"seen, then not, then seen":     {bad, single.of(one(add(1, 0)), []step{del(1)}, one(check(1, 0).fails(missing)), one(check(1, 0)))},
		"GC":                            {good, single.of([]step{add(1, 0), add(2, 1)}, one(gc(1)), one(listed([maxAddresses]int8{1})))},
		"GC of what was listed":         {bad, single.of([]step{add(1, 0), add(2, 1)}, one(gc(1)), one(listed([maxAddresses]int8{0, 2})))},
		"GC of nothing":                 {bad, single.of([]step{add(1, 0), add(2, 1)}, one(gc(1)), one(listed([maxAddresses]int8{1, 2})))},
		"GC tells":                      {good, single.of([]step{add(1, 0), add(2, 1)}, one(gc(1).releasing([maxAddresses]int8{0, 2})))},
		"GC tells of another":           {bad, single.of([]step{add(1, 0), add(2, 1)}, one(gc(1).releasing([maxAddresses]int8{1})))},
		"listed half of what is there":  {bad, single.of([]step{add(1, 0), add(2, 1)}, one(listed([maxAddresses]int8{1})))},
		"killed, and done":              {good, single.of(one(add(1, 0).killed()), one(add(2, 1)))},
		"killed, and not done":          {good, single.of(one(add(1, 0).killed()), one(add(2, 0)))},
		"killed, and done later":        {bad, single.of(one(add(1, 0).killed()), one(listed([maxAddresses]int8{})), one(listed([maxAddresses]int8{1})))},
		"killed, and undone later":      {bad, single.of(one(add(1, 0).killed()), one(listed([maxAddresses]int8{1})), one(listed([maxAddresses]int8{})))},
		"killed DEL, and both":          {bad, single.of(one(add(1, 0)), one(del(1).killed()), one(check(1, 0).fails(missing)), one(check(1, 0)))},
		"killed, done, and out of turn": {free, single.of(one(add(1, 0).killed()), one(check(1, 0)), one(del(1)), one(add(2, 0)))},
		"killed, done, and no hint":     {good, hinting.of(one(add(1, 0).killed()), one(check(1, 0)), one(del(1)), one(add(2, 0)))},
		"cooling is passed over":        {good, cooling.of(one(add(1, 0)), one(add(2, 1)), one(del(1)), one(add(3, 2)), one(add(4, 0)))},
		"cooling, and another is free":  {free, cooling.of(one(add(1, 0)), one(add(2, 1)), one(add(3, 2)), one(del(3)), one(del(1)), one(add(4, 0)))},
		"cooling, the longest first":    {good, cooling.of(one(add(1, 0)), one(add(2, 1)), one(add(3, 2)), one(del(3)), one(del(1)), one(add(4, 2)), one(add(5, 0)))},
		"cooling, released at once":     {good, cooling.of(one(add(1, 0)), one(add(2, 1)), one(add(3, 2)), one(gc(2)), one(add(4, 0)), one(add(5, 2)))},
		"both families":                 {good, dual.of(one(addBoth(1, 0, 0)), one(addBoth(2, 1, 1)))},
		"one family doubled":            {bad, dual.of(one(addBoth(1, 0, 0)), one(addBoth(2, 1, 0)))},
		"one family out of turn":        {free, dual.of(one(addBoth(1, 0, 0)), one(addBoth(2, 1, 2)))},
		"one family lacks":              {bad, dual.of(one(add(1, 0)))},
		"killed between two cursors":    {good, hintingBoth.of(one(addBoth(1, 0, 0).killed()), one(check(1, 0)), one(del(1)), one(addBoth(2, 0, 1)))},
	} {
		next, any := linearizable(c.History)
		require.Equal(t, c.want == good, next, name)
		require.Equal(t, c.want != bad, any, name)
	}
}

func TestCheckDrawsFailedHistory(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	err := model{size: 3, families: 1}.of(one(add(1, 0)), one(add(2, 0))).Check(time.Second)
	require.ErrorContains(t, err, "no order explains these 2 operations, whichever free addresses the ADDs lease")
	path := regexp.MustCompile(`see (\S+\.html)`).FindStringSubmatch(err.Error())[1]
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(page), "ADD 2: 0")
	require.Contains(t, string(page), "[1 0 0] after 0")

	err = model{size: 3, families: 1}.of(one(add(1, 1))).Check(time.Second)
	require.ErrorContains(t, err, "a free address out of order")
}

// Narrowed histories are only a shortcut: a history that is linearizable only with the
// original times is accepted.
func TestNarrowingDoesNotRejectHistories(t *testing.T) {
	var together []step
	for number := range int8(16) {
		together = append(together, add(16-number, 15-number))
	}
	h := model{size: 16, families: 1}.of(together)
	for i := range h.operations {
		h.operations[i].Return = int64(100 + i)
	}
	require.NoError(t, h.Check(10*time.Second), "the last operation to end was served first")
	for i := range h.servedAt {
		h.servedAt[i] = int64(10 + i)
	}
	require.NoError(t, h.Check(10*time.Second), "the recorded times of service are only a hint")
}
