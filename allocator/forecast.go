package allocator

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/leasehold/leasehold/backend"
)

// A Forecast says when a set will be full if it goes on to fill as it did of late. The zero Forecast
// says nothing.
type Forecast struct {
	// In is how long it takes from now on.
	In time.Duration

	// Window is how long the rate was observed: an hour, or a day.
	Window time.Duration
}

// String returns the Forecast in words, as "full in about 3 h at the rate of the last hour", or nothing
// if it is zero.
func (f Forecast) String() string {
	if f == (Forecast{}) {
		return ""
	}
	window := "hour"
	if f.Window > time.Hour {
		window = "day"
	}
	return "full in about " + about(f.In) + " at the rate of the last " + window
}

// about returns a duration as roughly as a forecast knows it.
func about(d time.Duration) string {
	switch {
	case d < 10*time.Minute:
		return "10 min or less"
	case d < 100*time.Minute:
		return fmt.Sprintf("%d min", (d+5*time.Minute)/(10*time.Minute)*10)
	case d < 36*time.Hour:
		return fmt.Sprintf("%d h", (d+30*time.Minute)/time.Hour)
	}
	return fmt.Sprintf("%d days", (d+12*time.Hour)/(24*time.Hour))
}

const day = 24 * time.Hour

// The windows of a Forecast, each with how far into the future its rate is extended. The first that
// says something counts.
var windows = [...]struct{ length, horizon time.Duration }{
	{time.Hour, day},
	{day, 14 * day},
}

const (
	// minGrowth is the least growth in a window, in leases, that says something.
	minGrowth = 5

	// peakWindows is with how many windows the present number of leases is compared.
	peakWindows = 24

	// maxEnded is the most ended leases that are read, so that no ADD waits long.
	maxEnded = 50_000
)

// ReadForecasts returns a Forecast for each usage of a store, in order. held returns the leases of the
// store; it is called only if they can matter.
//
// A Forecast is computed from the times of leases, held and ended. It is zero if
//
//   - the store keeps no history, or several hosts share it;
//   - the history does not reach back to the beginning of the window, as after leases were moved into the
//     store, or the set was not in use then;
//   - the leases have not become more by at least five, and by twice the square root of how many were
//     made and ended in the window, which is what chance alone makes of it;
//   - as many leases were held at some time in the 23 windows before: then they come and go;
//   - the set is full already, or would be only after a day at the rate of the last hour, or after two
//     weeks at the rate of the last day.
func ReadForecasts(ctx context.Context, store backend.Store, usages []Usage, now time.Time, held func() ([]backend.Lease, error)) ([]Forecast, error) {
	forecasts := make([]Forecast, len(usages))
	if !slices.ContainsFunc(usages, Usage.canFill) {
		return forecasts, nil
	}
	past := recent{now: now}
	if err := store.View(ctx, past.read); err != nil || !past.kept {
		return forecasts, err
	}
	leases, err := held()
	if err != nil {
		return nil, err
	}
	if !past.reachesBack(len(leases)) {
		return forecasts, nil
	}
	for i, u := range usages {
		if u.canFill() {
			forecasts[i] = past.trendOf(u, leases).forecast()
		}
	}
	return forecasts, nil
}

// canFill reports whether the set would be full within a horizon if all leases had been made in the
// window.
func (u Usage) canFill() bool {
	return u.left() > 0 && slices.ContainsFunc(windows[:], func(w struct{ length, horizon time.Duration }) bool {
		return u.left() <= float64(u.Leased)*float64(w.horizon/w.length)
	})
}

// left returns how many addresses are not leased.
func (u Usage) left() float64 { return float64(u.Free) + float64(u.Cooling) }

// A recent is what a store remembers of the time that matters for a Forecast.
type recent struct {
	now   time.Time
	kept  bool // there is a history to go by
	ended []backend.Ended
	reach time.Time // of what ended before not all is known; zero if it is

	counts backend.Counts
	n      int       // all ended leases, also those before any window
	oldest time.Time // when the first of them ended, as far as that is known
}

func (r *recent) read(tx backend.ReadTx) error {
	store, ok := tx.(backend.HistoryReadTx)
	if !ok {
		return nil
	}
	m, err := tx.Membership()
	if err != nil || !m.IsZero() {
		return err
	}
	h, err := HistoryOf(store)
	if err != nil || h.Keep == 0 {
		return err
	}
	if r.counts, err = store.Counts(); err != nil {
		return err
	}
	n, err := store.HistoryLen()
	if err != nil {
		return err
	}
	r.n = n
	if h.For > 0 {
		r.reach = r.now.Add(-h.For)
	}
	for e, err := range store.HistoryBackward() {
		if err != nil {
			return err
		}
		all := len(r.ended) == maxEnded-1 || len(r.ended) == n-1 && n >= h.Keep
		if all && e.Until.After(r.reach) {
			r.reach = e.Until
		}
		if !e.Until.IsZero() && e.Until.Before(r.begin()) || len(r.ended) == maxEnded {
			break
		}
		r.ended = append(r.ended, e)
	}
	for e, err := range store.History() {
		if err != nil {
			return err
		}
		if r.oldest = e.Until; !r.oldest.IsZero() {
			break
		}
	}
	r.kept = true
	return nil
}

// reachesBack moves reach to the oldest ended lease, unless the counts of the store prove that nothing is
// missing before it: a store into which leases were moved does not have those that ended in the other
// store, and a history can have been dropped. It returns false if there is no ended lease to go by.
func (r *recent) reachesBack(held int) bool {
	if r.counts.Explain(uint64(held), uint64(r.n)) {
		return true
	}
	if r.oldest.After(r.reach) {
		r.reach = r.oldest
	}
	return !r.oldest.IsZero()
}

// begin returns the time from which on leases matter.
func (r *recent) begin() time.Time {
	return r.now.Add(-windows[len(windows)-1].length * peakWindows)
}

// A trend is how the number of leases of a set has changed.
type trend struct {
	*recent
	left    float64
	first   time.Time // since when the set is known to be in use
	changes []change
	unknown int // ended leases that were forgotten, whose times are not known
}

// A change is one lease more or less.
type change struct {
	at time.Time
	by int
}

func (r *recent) trendOf(u Usage, held []backend.Lease) *trend {
	t := &trend{recent: r, left: u.left(), first: r.now}
	for _, l := range held {
		if u.Set.leasable(l.Addr) {
			t.add(l.Since, 1)
		}
	}
	for _, e := range r.ended {
		switch {
		case !u.Set.leasable(e.Addr):
		case e.Until.IsZero():
			t.unknown++
		default:
			t.add(e.Since, 1)
			t.add(e.Until, -1)
		}
	}
	slices.SortStableFunc(t.changes, func(a, b change) int { return b.at.Compare(a.at) })
	return t
}

// add adds a change. What was made at an unknown time is older than everything else. A time ahead of
// the clock, which was set back since, counts as now.
func (t *trend) add(at time.Time, by int) {
	if at.After(t.now) {
		at = t.now
	}
	if at.Before(t.first) {
		t.first = at
	}
	if at.After(t.begin()) {
		t.changes = append(t.changes, change{at, by})
	}
}

func (t *trend) forecast() Forecast {
	for _, w := range windows {
		if in := t.in(w.length); in > 0 && in <= w.horizon {
			return Forecast{In: in, Window: w.length}
		}
	}
	return Forecast{}
}

// in returns how long it takes until the set is full at the rate of a window, or 0.
func (t *trend) in(window time.Duration) time.Duration {
	begin := t.now.Add(-window)
	if t.first.After(begin) || t.reach.After(begin) {
		return 0
	}
	n := slices.IndexFunc(t.changes, func(c change) bool { return !c.at.After(begin) })
	if n < 0 {
		n = len(t.changes)
	}
	growth := -t.unknown
	for _, c := range t.changes[:n] {
		growth += c.by
	}
	chance := 2 * math.Sqrt(float64(n+t.unknown))
	if growth < minGrowth || float64(growth) < chance || t.wasAsMany(t.changes[n:], growth, begin.Add(-(peakWindows-1)*window)) {
		return 0
	}
	return time.Duration(min(t.left/float64(growth)*float64(window), math.MaxInt64/2))
}

// wasAsMany reports whether as many leases as now were held at some time before the window in which
// they have become more by growth, and after from.
func (t *trend) wasAsMany(before []change, growth int, from time.Time) bool {
	held := -growth // beside now
	for _, c := range before {
		if !c.at.After(from) || !c.at.After(t.reach) {
			break
		}
		if held -= c.by; held >= 0 {
			return true
		}
	}
	return false
}
