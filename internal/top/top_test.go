package top

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gdamore/tcell/v2"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/picture"
	"github.com/leasehold/leasehold/internal/report"
)

var now = time.Date(2026, 11, 25, 14, 30, 0, 0, time.UTC)

// network returns a network with a set for each subnet, of which the first addresses are leased.
func network(t *testing.T, name string, leased int, subnets ...string) report.Network {
	t.Helper()
	n := report.Network{Name: name, Store: "bolt"}
	for i, subnet := range subnets {
		r, err := allocator.NewRange(allocator.RangeSpec{Subnet: netip.MustParsePrefix(subnet)})
		require.NoError(t, err)
		s, err := allocator.NewSet(r)
		require.NoError(t, err)
		p := picture.NewDetailed(name, r, func(backend.Lease) bool { return false }, 1000)
		a := r.First().Next()
		for j := range leased {
			l := backend.Lease{Addr: a, Owner: backend.Owner{ContainerID: fmt.Sprintf("c%d", j)}, Since: now.Add(-time.Duration(j) * time.Minute),
				Pod: backend.Pod{Namespace: "shop", Name: fmt.Sprintf("web-%d", j)}}
			p.Add(l)
			n.Leases = append(n.Leases, l)
			n.Ended = append(n.Ended, backend.Ended{Lease: l, Until: now.Add(-time.Hour), Cause: backend.EndedByDEL})
			a = a.Next()
		}
		n.Pictures = append(n.Pictures, p)
		n.Usage = append(n.Usage, allocator.Usage{Index: i, Set: s, Leased: uint64(leased), Free: 250})
	}
	n.Total, n.EndedAll, n.Newest = len(n.Leases), len(n.Ended), n.Leases[:min(len(n.Leases), report.Recent)]
	return n
}

// A shown screen keeps what it shows, because the contents of a simulation are not safe to read while
// it is drawn.
type shown struct {
	tcell.SimulationScreen
	mu   sync.Mutex
	text string
}

func (s *shown) Show() {
	s.SimulationScreen.Show()
	cells, width, _ := s.GetContents()
	var b strings.Builder
	for i, c := range cells {
		if len(c.Runes) == 0 {
			b.WriteByte(' ')
		} else {
			b.WriteString(string(c.Runes))
		}
		if (i+1)%width == 0 {
			b.WriteByte('\n')
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = b.String()
}

// A terminal is a run on a simulated screen.
type terminal struct {
	*testing.T
	*shown
	ended chan error
}

func start(t *testing.T, width, height int, observe func(context.Context) (report.Report, error)) *terminal {
	t.Helper()
	s := &shown{SimulationScreen: tcell.NewSimulationScreen("UTF-8")}
	require.NoError(t, s.Init())
	s.SetSize(width, height)
	run := &terminal{t, s, make(chan error, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go func() { run.ended <- Run(ctx, s, Options{Observe: observe, Interval: 10 * time.Millisecond}) }()
	return run
}

// screen returns the lines of the screen.
func (t *terminal) screen() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.shown.text
}

// shows waits until the screen has a text.
func (t *terminal) shows(text string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !strings.Contains(t.screen(), text) {
		if time.Now().After(deadline) {
			t.Fatalf("the screen lacks %q:\n%s", text, t.screen())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (t *terminal) key(k tcell.Key) { t.InjectKey(k, 0, tcell.ModNone) }

func (t *terminal) types(s string) {
	for _, r := range s {
		t.InjectKey(tcell.KeyRune, r, tcell.ModNone)
	}
}

// ends waits until Run has returned.
func (t *terminal) ends() error {
	t.Helper()
	select {
	case err := <-t.ended:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
		return nil
	}
}

func observing(r report.Report) func(context.Context) (report.Report, error) {
	return func(context.Context) (report.Report, error) { return r, nil }
}

func TestKeys(t *testing.T) {
	r := report.Report{Host: "node-1", At: now, Networks: []report.Network{
		network(t, "podnet", 40, "10.88.0.0/24", "fd00::/64"), network(t, "storage", 3, "192.168.7.0/28"),
	}}
	s := start(t, 80, 24, observing(r))
	s.shows("podnet           10.88.0.0/24                      40       0       250   13%")
	s.shows("10.88.0.0        x████████████████████████████████████████")
	s.shows("0s ago + 10.88.0.2")
	s.key(tcell.KeyDown)
	s.shows("fd00::           x█")
	s.shows("fd00::40        … about 2^64 free")
	s.types("jj")
	s.shows("192.168.7.0      x███")
	s.key(tcell.KeyUp)
	s.key(tcell.KeyUp)
	s.key(tcell.KeyUp)
	s.shows("10.88.0.0        x█")
	s.key(tcell.KeyTab)
	s.shows("ADDRESS         CONTAINER          AGE  POD")
	s.shows("10.88.0.2       c0                  0s  shop/web-0")
	require.NotContains(t, s.screen(), "fd00::2 ", "only addresses of the selected set")
	require.NotContains(t, s.screen(), "shop/web-39")
	for range 5 {
		s.key(tcell.KeyPgDn)
	}
	s.shows("shop/web-39")
	s.key(tcell.KeyPgUp)
	s.key(tcell.KeyHome)
	s.shows("shop/web-0")
	s.types("/WEB-17x")
	s.shows("no lease with “WEB-17x”")
	s.key(tcell.KeyBackspace2)
	s.shows("10.88.0.19      c17")
	require.NotContains(t, s.screen(), "shop/web-0")
	s.key(tcell.KeyEnter)
	s.types("h")
	s.shows("UNTIL")
	s.shows("DEL     shop/web-17")
	s.key(tcell.KeyEscape)
	s.shows("DEL     shop/web-0")
	s.types("/q") // part of the filter
	s.shows("with “q”")
	s.key(tcell.KeyEscape)
	s.types("m q")
	require.NoError(t, s.ends())
}

// Ctrl-C quits while a filter is typed, too.
func TestCtrlC(t *testing.T) {
	s := start(t, 80, 24, observing(report.Report{Host: "node-1", At: now}))
	s.shows("there is no network here")
	s.types("/")
	s.key(tcell.KeyCtrlC)
	require.NoError(t, s.ends())
}

// Whatever there is to show, and on whatever screen, it shows what fits.
func TestSizes(t *testing.T) {
	long := network(t, strings.Repeat("n", 200), 30, "10.88.0.0/16", "fd00:1:2:3:4:5:6:0/112")
	long.Leases[0].Pod.Name = strings.Repeat("漢字\u202e", 300)
	long.Leases[1].Owner.ContainerID = "\x1b[2Jevil"
	long.Newest = long.Leases[:12]
	r := report.Report{Host: "node-1", At: now, Networks: []report.Network{
		long, {Name: "broken", Failure: strings.Repeat("damaged ", 100)}, {Name: "noranges", Total: 1}, {Name: "files", NoHistory: "a files store keeps none", Total: 50_000},
	}, Warnings: []string{"a warning"}}
	for range 10 {
		r.Networks = append(r.Networks, network(t, "more", 5, "10.1.0.0/28"))
	}
	for _, size := range [][2]int{{80, 24}, {200, 60}, {40, 10}, {20, 5}, {5, 3}, {1, 1}, {80, 1}, {1, 24}} {
		s := start(t, size[0], size[1], observing(r))
		for range 16 {
			s.key(tcell.KeyDown)
			s.types("mlh")
			s.key(tcell.KeyPgDn)
		}
		s.SetSize(size[1]+1, size[0]+1)
		s.types("m/x")
		s.key(tcell.KeyCtrlC)
		require.NoError(t, s.ends(), "%v", size)
		require.NotContains(t, s.screen(), "\x1b")
		require.NotContains(t, s.screen(), "\u202e")
	}
}

// An error is shown, with what was seen before.
func TestFailure(t *testing.T) {
	var calls atomic.Int32
	s := start(t, 80, 24, func(context.Context) (report.Report, error) {
		if calls.Add(1)%4 < 2 {
			return report.Report{Host: "node-1", At: now, Networks: []report.Network{network(t, "podnet", 2, "10.88.0.0/28")}}, nil
		}
		return report.Report{}, errors.New("no configuration")
	})
	s.shows("not refreshed: no configuration")
	s.shows("10.88.0.0/28")
	s.shows("NETWORK")
	s.types("q")
	require.NoError(t, s.ends())
}

// The forecast of the selected range set is above the pane.
func TestForecast(t *testing.T) {
	n := network(t, "podnet", 2, "10.88.0.0/28", "10.89.0.0/28")
	n.Forecasts = []allocator.Forecast{{}, {In: 3 * time.Hour, Window: time.Hour}}
	s := start(t, 80, 24, observing(report.Report{Host: "node-1", At: now, Networks: []report.Network{n}}))
	s.shows("[map]")
	require.NotContains(t, s.screen(), "full in about")
	s.key(tcell.KeyDown)
	s.shows("── full in about 3 h at the rate of the last hour ──")
	s.types("q")
	require.NoError(t, s.ends())
}

// While it is paused, nothing changes.
func TestPause(t *testing.T) {
	var calls atomic.Int32
	s := start(t, 80, 24, func(context.Context) (report.Report, error) {
		return report.Report{Host: fmt.Sprintf("node-%d", calls.Add(1)), At: now}, nil
	})
	s.shows("node-3")
	s.types(" ")
	s.shows("paused")
	before := s.screen()
	seen := calls.Load()
	require.Eventually(t, func() bool { return calls.Load() > seen+3 }, 20*time.Second, time.Millisecond)
	require.Equal(t, before, s.screen())
	s.types(" q")
	require.NoError(t, s.ends())
}

// A finishing screen knows whether Fini was called.
type finishing struct {
	tcell.SimulationScreen
	finished atomic.Bool
}

func (s *finishing) Fini() {
	s.finished.Store(true)
	s.SimulationScreen.Fini()
}

// The terminal is restored before the text of a panic is written.
func TestPanic(t *testing.T) {
	s := &finishing{SimulationScreen: tcell.NewSimulationScreen("UTF-8")}
	require.NoError(t, s.Init())
	require.PanicsWithValue(t, "panicked: broken", func() {
		defer func() {
			text := fmt.Sprint(recover())
			require.Contains(t, text, "observeOnce")
			require.True(t, s.finished.Load())
			first, _, _ := strings.Cut(text, "\n")
			panic("panicked: " + first)
		}()
		_ = Run(t.Context(), s, Options{Observe: func(context.Context) (report.Report, error) { panic("broken") }, Interval: time.Second})
	})
}

// It ends with its context.
func TestEnds(t *testing.T) {
	s := &finishing{SimulationScreen: tcell.NewSimulationScreen("UTF-8")}
	require.NoError(t, s.Init())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.NoError(t, Run(ctx, s, Options{Observe: observing(report.Report{}), Interval: time.Hour}))
	require.True(t, s.finished.Load())
}

// A report that took long to read is shown for nine times as long, but not one that only waited.
func TestWaitingDoesNotCount(t *testing.T) {
	for waits, want := range map[bool]time.Duration{false: 10 * time.Second, true: time.Second + time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			var waited time.Duration
			seen := make(chan sight)
			go observe(t.Context(), Options{Interval: time.Millisecond, Waited: func() time.Duration { return waited },
				Observe: func(context.Context) (report.Report, error) {
					time.Sleep(time.Second)
					if waits {
						waited += time.Second
					}
					return report.Report{}, nil
				}}, seen)
			<-seen
			began := time.Now()
			<-seen
			require.Equal(t, want, time.Since(began))
		})
	}
}
