package storm

import (
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
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
	preferring := model{size: 4, families: 1, prefers: true} // containers 1 and 2 are of the first pod, 3 and 4 of the second, …
	preferringBoth := model{size: 4, families: 2, prefers: true}
	withholding := model{size: 3, families: 1, cools: true, withholds: true, prefers: true}
	preferringCooling := model{size: 4, families: 1, prefers: true, cools: true}
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

		"withheld":              {good, withholding.of(one(add(1, 0)), one(add(3, 1)), one(del(1)), one(add(5, 2)), one(add(7, 0).fails(exhausted)))},
		"withheld, and leased":  {bad, withholding.of(one(add(1, 0)), one(add(3, 1)), one(del(1)), one(add(5, 2)), one(add(7, 0)))},
		"withheld from its pod": {good, withholding.of(one(add(1, 0)), one(del(1)), one(add(2, 1)))},
		"withheld, and back":    {free, withholding.of(one(add(1, 0)), one(del(1)), one(add(2, 0)))},
		"withheld, all of them": {good, withholding.of(one(add(1, 0)), one(add(3, 1)), one(del(1)), one(del(3)), one(add(5, 2)), one(add(7, 0).fails(exhausted)))},

		"back":                                   {good, preferring.of(one(add(1, 0)), one(del(1)), one(add(3, 1)), one(add(1, 0)))},
		"back in another container":              {good, preferring.of(one(add(1, 0)), one(del(1)), one(add(3, 1)), one(add(2, 0)))},
		"back, and forgotten":                    {free, preferring.of(one(add(1, 0)), one(del(1)), one(add(3, 1)), one(add(1, 2)))},
		"back, and the cursor stays":             {good, preferring.of(one(add(1, 0)), one(del(1)), one(add(3, 1)), one(add(1, 0)), one(add(4, 2)))},
		"back, and the cursor goes back":         {free, preferring.of(one(add(1, 0)), one(add(3, 1)), one(del(3)), one(del(1)), one(add(1, 0)), one(add(5, 1)))},
		"back before it has gone":                {good, preferring.of(one(add(1, 0)), one(add(2, 1)))},
		"back while it goes":                     {good, preferring.of(one(add(1, 0)), []step{del(1), add(2, 0)})},
		"back while it goes, and before":         {good, preferring.of(one(add(1, 0)), []step{del(1), add(2, 1)})},
		"back, and taken by another":             {bad, preferring.of(one(add(1, 0)), one(del(1)), one(add(3, 1)), one(add(5, 2)), one(add(7, 3)), one(add(9, 0)), one(add(1, 0)))},
		"back, taken and released":               {good, preferring.of(one(add(1, 0)), one(del(1)), one(add(3, 1)), one(add(5, 2)), one(add(7, 3)), one(add(9, 0)), one(del(9)), one(add(1, 0)))},
		"back, taken by the other container":     {bad, preferring.of(one(add(1, 0)), one(del(1)), one(add(2, 0)), one(add(1, 0)))},
		"back, the last one":                     {good, preferring.of(one(add(1, 0)), one(add(2, 1)), one(del(2)), one(del(1)), one(add(2, 0)), one(add(1, 1)))},
		"back, not the last one":                 {free, preferring.of(one(add(1, 0)), one(add(2, 1)), one(del(2)), one(del(1)), one(add(2, 1)))},
		"back, released at once":                 {good, preferring.of(one(add(1, 0)), one(add(2, 1)), one(gc()), one(add(1, 1)), one(add(2, 0)))},
		"back, and full":                         {good, preferring.of(one(add(1, 0)), one(del(1)), one(add(3, 1)), one(add(5, 2)), one(add(7, 3)), one(add(9, 0)), one(add(1, 0).fails(exhausted)))},
		"away, and nothing is kept":              {bad, preferring.of(one(add(1, 0)), one(del(1)), one(add(3, 1)), one(add(5, 2)), one(add(7, 3)), one(add(9, 0).fails(exhausted)))},
		"killed, and back":                       {good, preferring.of(one(add(1, 0)), one(del(1).killed()), one(add(2, 0)))},
		"killed, and not gone":                   {good, preferring.of(one(add(1, 0)), one(del(1).killed()), one(add(2, 1)))},
		"back, killed, and the cursor stays":     {good, preferring.of(one(add(1, 0)), one(del(1)), one(add(3, 1)), one(add(1, 0).killed()), one(check(1, 0)), one(add(4, 2)))},
		"back in both families":                  {good, preferringBoth.of(one(addBoth(1, 0, 0)), one(del(1)), one(addBoth(3, 1, 1)), one(addBoth(1, 0, 0)))},
		"back in one family":                     {free, preferringBoth.of(one(addBoth(1, 0, 0)), one(del(1)), one(addBoth(3, 1, 1)), one(addBoth(1, 0, 2)))},
		"back to what cools":                     {good, preferringCooling.of(one(add(1, 0)), one(del(1)), one(add(2, 0)))},
		"back to what cools for another":         {free, preferringCooling.of(one(add(1, 0)), one(del(1)), one(add(3, 1)), one(add(5, 2)), one(add(7, 3)), one(add(9, 0)), one(del(7)), one(del(9)), one(add(1, 0)))},
		"back, passing over what cools for them": {good, preferringCooling.of(one(add(1, 0)), one(del(1)), one(add(3, 1)), one(add(5, 2)), one(add(7, 3)), one(add(9, 0)), one(del(7)), one(del(9)), one(add(1, 3)))},

		"both families":              {good, dual.of(one(addBoth(1, 0, 0)), one(addBoth(2, 1, 1)))},
		"one family doubled":         {bad, dual.of(one(addBoth(1, 0, 0)), one(addBoth(2, 1, 0)))},
		"one family out of turn":     {free, dual.of(one(addBoth(1, 0, 0)), one(addBoth(2, 1, 2)))},
		"one family lacks":           {bad, dual.of(one(add(1, 0)))},
		"killed between two cursors": {good, hintingBoth.of(one(addBoth(1, 0, 0).killed()), one(check(1, 0)), one(del(1)), one(addBoth(2, 0, 1)))},
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

// A pod's addresses are known as far back as in a store.
func TestModelForgetsWhatPodsHadLongAgo(t *testing.T) {
	s := state{}
	for a := range int8(backend.PodAddrs) {
		s.toFront(3, a+1)
	}
	s.toFront(3, 2)
	require.Equal(t, []string{"1", "7", "6", "5", "4", "3", "2", "0"}, s.pastOf(3))
	s.toFront(3, maxAddresses+6)
	require.Equal(t, []string{"/5", "1", "7", "6", "5", "4", "3", "2"}, s.pastOf(3))
	require.Empty(t, s.pastOf(2))
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
