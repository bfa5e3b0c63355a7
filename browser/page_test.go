package browser

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// pod returns a lease of a pod in the namespace shop.
func (s *scenario) pod(addr, name string, age time.Duration) backend.Lease {
	l := s.lease(netip.MustParseAddr(addr), age)
	l.Pod = backend.Pod{Namespace: "shop", Name: name}
	return l
}

// podnet is a network in which 10.88.0.5 had three holders.
func podnet(t *testing.T) *scenario {
	s := newScenario(t)
	s.configure("podnet", map[string]any{"subnet": "10.88.0.0/24", "backend": "bolt"})
	s.fill("podnet", func(tx everyTx) error {
		for i, name := range []string{"web-0", "db-0"} {
			l := s.pod("10.88.0.5", name, time.Duration(60-20*i)*time.Minute)
			if err := tx.Record(backend.Ended{Lease: l, Until: l.Since.Add(15 * time.Minute), Cause: backend.EndedByDEL}); err != nil {
				return err
			}
		}
		if err := tx.Put(s.pod("10.88.0.5", "mail-0", 10*time.Minute)); err != nil {
			return err
		}
		return tx.Put(s.pod("10.88.0.50", "mail-1", 9*time.Minute))
	})
	return s
}

// clock returns a time of that long ago as a reader in Berlin writes it, as the tabs are.
func (s *scenario) clock(ago time.Duration, layout string) string {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(s.t, err)
	return s.now.Add(-ago).In(berlin).Format(layout)
}

// An alert names an address and a time, and the page the pod.
func TestSearch(t *testing.T) {
	s := podnet(t)
	b := open(t, "file://"+s.report())
	require.Equal(t, "none", eval[string](b, `getComputedStyle(document.querySelector("#results")).display`))

	got := b.search("10.88.0.5 at " + s.clock(50*time.Minute, "15:04"))
	b.save("search")
	require.Contains(t, got, "shop/web-0, container ")
	require.NotContains(t, got, "mail-0")
	require.Contains(t, got, "leasehold who 10.88.0.5 --at 20")
	require.Contains(t, b.search("10.88.0.5 "+s.clock(30*time.Minute, "2006-01-02 15:04:05")), "shop/db-0, container ")
	require.Contains(t, b.search("10.88.0.5 "+s.now.Add(-30*time.Minute).UTC().Format("2006-01-02T15:04:05Z")), "shop/db-0, container ")
	between := b.search("10.88.0.5 " + s.clock(43*time.Minute, "15:04"))
	require.Contains(t, between, "no lease is known")
	require.Regexp(t, `Before that: shop/web-0, container .* \(eth0\), until `+s.clock(45*time.Minute, "2006-01-02 15:04:05"), between)
	require.Regexp(t, `After that: shop/db-0, container .* \(eth0\), from `+s.clock(40*time.Minute, "2006-01-02 15:04:05"), between)
	require.Contains(t, b.search("10.88.0.5 "+s.clock(5*time.Hour, "2006-01-02 15:04")), "podnet: what ended before ")

	// As it is pasted from an alert or a log.
	for _, line := range []string{
		s.clock(30*time.Minute, "Jan _2 15:04:05") + " node-1 kernel: refused, SRC=10.88.0.5, 10.88.0.50",
		"10.88.0.5:8080 refused a connection at " + s.now.Add(-30*time.Minute).UTC().Format("2006-01-02 15:04:05.000 -0700 MST"),
		"[FIRING] target 10.88.0.5:9100 down since " + s.now.Add(-30*time.Minute).In(time.FixedZone("", 19800)).Format(time.RFC3339),
		"10.88.0.5/24 (" + s.clock(30*time.Minute, "15:04") + ")",
		"10.88.0.5 is down since " + s.clock(30*time.Minute, "3:04 PM"),
		"10.88.0.5 " + s.clock(30*time.Minute, "3:04:05pm"),
	} {
		require.Contains(t, b.search(line), "shop/db-0, container ", line)
	}

	yesterday, err := time.Parse(time.DateOnly, s.clock(0, time.DateOnly))
	require.NoError(t, err)
	require.Contains(t, b.search("10.88.0.5 yesterday 12:34"), "10.88.0.5 at "+yesterday.AddDate(0, 0, -1).Format(time.DateOnly)+" 12:34")

	all := b.search("10.88.0.5")
	require.Contains(t, all, "10.88.0.5: 3 leases", "not the leases of 10.88.0.50")
	require.Contains(t, all, "leasehold history --address 10.88.0.5", "who would name the last one only")
	require.Less(t, strings.Index(all, "mail-0"), strings.Index(all, "db-0"))
	require.Less(t, strings.Index(all, "db-0"), strings.Index(all, "web-0"))
	require.Contains(t, b.search("10.88.0.50"), "shop/mail-1")
	require.Contains(t, b.text("#results"), "leasehold who 10.88.0.50")
	require.Contains(t, b.search("MAIL"), "Found: 2 leases")
	require.Contains(t, b.search("db-"), "leasehold history --pod shop/db-0")
	require.Regexp(t, `shop/db-0, container .*, from 20.* until 20.*; DEL`, b.search("shop/db-0"))
	require.Contains(t, b.search("10.88.0.77"), "10.88.0.77: free")
	require.Contains(t, b.search("10.88.0.1"), "withheld")
	require.Contains(t, b.search("192.0.2.1"), "in no range")
	require.Contains(t, b.search("no-such-pod"), "No lease is known")

	id := eval[string](b, `document.querySelector(".columns td.id").title`)
	require.Len(t, id, 13)
	require.Contains(t, b.search(id+strings.Repeat("0", 51)), id, "a whole ID finds its beginning")

	// UTC is a choice of the reader.
	b.run(chromedp.SetValue(chromedp.CSS("#zone select"), "utc"))
	eval[bool](b, `document.querySelector("#zone select").dispatchEvent(new Event("change"))`)
	require.Contains(t, b.text("#made"), " UTC")
	require.Contains(t, b.search("10.88.0.5 "+s.now.Add(-30*time.Minute).UTC().Format("15:04")), "shop/db-0")
	b.quiet()
}

// press presses keys.
func (b *tab) press(keys ...string) {
	b.Helper()
	for _, key := range keys {
		b.run(chromedp.KeyEvent(key))
	}
}

// Everything works without a pointer.
func TestKeyboard(t *testing.T) {
	s := podnet(t)
	b := open(t, "file://"+s.report())
	focused := func() string {
		return eval[string](b, `document.activeElement.id || document.activeElement.getAttribute("class") || document.activeElement.tagName`)
	}
	b.press("/")
	require.Equal(t, "query", focused())
	eval[string](b, `document.querySelector("#query").value = ""`) // The driver types the character all the same.
	b.press("d", "b", "-", "0")
	require.Contains(t, b.text("#results"), "shop/db-0")
	b.press(kb.Tab)
	require.Equal(t, "go", focused(), "the address in the answer")
	b.press(kb.Enter)
	require.Equal(t, "cells", focused(), "its place on the map")
	require.Contains(t, b.text(".inspector"), "10.88.0.5: leased\nshop/mail-0, container ")
	require.Contains(t, b.text(".inspector"), "for 10m")
	require.Contains(t, b.text(".chosen"), "web-0")
	b.save("keyboard")

	b.press(kb.ArrowRight)
	require.Contains(t, b.text(".inspector"), "10.88.0.6: free")
	b.press(kb.ArrowDown, kb.ArrowLeft)
	require.Contains(t, b.text(".inspector"), "10.88.0.37: free")
	b.press(kb.Home)
	require.Contains(t, b.text(".inspector"), "10.88.0.32: free")
	b.press(kb.ArrowLeft)
	require.Contains(t, b.text(".inspector"), "10.88.0.31: free", "the end of the row before")
	b.press(kb.PageDown, kb.End)
	require.Contains(t, b.text(".inspector"), "10.88.0.254: free", "the last address")
	b.press(kb.ArrowRight, kb.ArrowDown)
	require.Contains(t, b.text(".inspector"), "10.88.0.254: free")
	b.press(kb.Escape)
	require.True(t, eval[bool](b, `document.querySelector(".inspector").hidden && document.querySelector(".chosen").hidden`))
	b.press("/", kb.Escape)
	require.True(t, eval[bool](b, `document.querySelector("#results").hidden`))
	b.quiet()
}

// Where the pointer is, the page says who holds the address, and since when.
func TestPointer(t *testing.T) {
	s := podnet(t)
	b := open(t, "file://"+s.report())
	const side = 22
	left := eval[float64](b, `document.querySelector(".cells").getBoundingClientRect().left + JSON.parse(document.querySelector("#records").textContent).nets[0].maps[0].left`)
	top := eval[float64](b, `document.querySelector(".cells").getBoundingClientRect().top`)
	b.run(chromedp.MouseEvent("mouseMoved", left+5.5*side, top+0.5*side))
	require.Contains(t, b.text(".inspector"), "10.88.0.5: leased\nshop/mail-0, container ")
	b.run(chromedp.MouseEvent("mouseMoved", left+18.5*side, top+1.5*side))
	require.Contains(t, b.text(".inspector"), "10.88.0.50: leased")
	b.run(chromedp.MouseClickXY(left+18.5*side, top+1.5*side))
	require.Contains(t, b.text(".chosen"), "mail-1")
	b.run(chromedp.MouseEvent("mouseMoved", 5, 5))
	b.quiet()
}

// A chart says how many addresses were leased at the time under the pointer, and with the keyboard.
func TestChart(t *testing.T) {
	s := podnet(t)
	b := open(t, "file://"+s.report())
	const second = "2006-01-02 15:04:05"
	inspector := func() string { return b.text(".chart .inspector") }
	hidden := func() bool { return eval[bool](b, `document.querySelector(".chart .inspector").hidden`) }
	require.True(t, hidden())

	b.run(chromedp.Focus(chromedp.CSS(".cells")))
	b.press(kb.Tab)
	require.Equal(t, "slider", eval[string](b, `document.activeElement.getAttribute("role")`), "the next after the map")
	require.Contains(t, inspector(), "\n2 of 253 leased, 0 %", "now")
	b.press(kb.Home)
	require.Equal(t, s.clock(45*time.Minute, second)+"\n0 of 253 leased, 0 %", inspector(), "when the first lease ended")
	b.press(kb.ArrowLeft)
	require.Contains(t, inspector(), s.clock(45*time.Minute, second))
	b.press(kb.PageUp, kb.PageUp, kb.PageUp)
	require.Contains(t, inspector(), "\n1 of 253 leased")
	before := inspector()
	b.press(kb.ArrowRight)
	require.NotEqual(t, before, inspector())
	b.press(kb.ArrowLeft)
	require.Equal(t, strings.ReplaceAll(before, "\n", ", "), eval[string](b, `document.activeElement.getAttribute("aria-valuetext")`))
	b.save("chart")
	b.press(kb.Escape)
	require.True(t, hidden())

	box := eval[[]float64](b, `(() => { const b = document.querySelector(".chart svg").getBoundingClientRect(); return [b.left, b.top, b.width]; })()`)
	for part, want := range map[float64]string{0.02: "0 of", 0.3: "1 of", 0.6: "0 of", 0.999: "2 of"} {
		b.run(chromedp.MouseEvent("mouseMoved", box[0]+part*box[2], box[1]+40))
		require.Contains(t, inspector(), "\n"+want, part)
		inside := eval[bool](b, `(() => {
			const [i, f] = [".chart .inspector", ".chart"].map((s) => document.querySelector(s).getBoundingClientRect());
			return f.left <= i.left && i.right <= f.right;
		})()`)
		require.True(t, inside, part)
	}
	b.run(chromedp.Focus(chromedp.CSS("#query")), chromedp.MouseEvent("mouseMoved", 5, 5))
	require.True(t, hidden())
	b.quiet()
}

// Names of containers and pods are text, whatever they are.
func TestHostileNames(t *testing.T) {
	s := newScenario(t)
	scenarios()["hostile"](s)
	b := open(t, "file://"+s.report())
	require.Contains(t, eval[string](b, "document.title"), "Addresses of ")
	require.Equal(t, 2, eval[int](b, "document.scripts.length"))
	require.Zero(t, eval[int](b, "document.images.length"))
	for i, evil := range hostileNames() {
		got := b.search(fmt.Sprintf("10.88.0.%d", i+2))
		switch {
		case strings.Contains(evil, "\u202e"):
			require.Contains(t, got, `\u202egnp.exe`)
		case strings.Contains(evil, "\u2028"):
			require.Contains(t, got, `x\u2028\u2029\ufeff`)
		case len(evil) > 300:
			require.Contains(t, got, "long-")
			require.Less(t, len(got), 5000)
		default:
			require.Contains(t, got, evil)
		}
	}
	b.save("hostile-search")
	require.Contains(t, b.search(`onerror="document.title='owned'`), "2 leases")
	require.False(t, eval[bool](b, "document.documentElement.scrollWidth > innerWidth"))
	b.press(kb.Tab, kb.Enter)
	require.NotContains(t, eval[string](b, "document.title"), "owned")
	require.Equal(t, 2, eval[int](b, "document.scripts.length"))
	b.quiet()
}

// Light and dark have enough contrast (WCAG 2.1, success criteria 1.4.3 and 1.4.11).
func TestContrast(t *testing.T) {
	s := podnet(t)
	b := open(t, "file://"+s.report())
	const ratio = `(() => {
		const style = getComputedStyle(document.documentElement);
		const light = (name) => {
			const [r, g, b] = [1, 3, 5].map((i) => {
				let hex = style.getPropertyValue("--" + name).trim();
				if (hex.length === 4) hex = "#" + [...hex.slice(1)].map((c) => c + c).join("");
				const c = parseInt(hex.slice(i, i + 2), 16) / 255;
				return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
			});
			return 0.2126 * r + 0.7152 * g + 0.0722 * b;
		};
		const [a, c] = [light(%q), light(%q)].sort((x, y) => y - x);
		return (a + 0.05) / (c + 0.05);
	})()`
	ground := map[string]float64{}
	for _, mode := range []string{"light", "dark"} {
		b.prefer(mode)
		for _, pair := range []struct {
			front, back string
			least       float64
		}{
			{"text", "ground", 7}, {"quiet", "ground", 4.5}, {"quiet", "panel", 4.5}, {"accent", "ground", 4.5}, {"accent", "panel", 4.5},
			{"bad", "ground", 4.5}, {"full", "free", 3}, {"torn", "free", 3}, {"mark", "ground", 3},
		} {
			got := eval[float64](b, fmt.Sprintf(ratio, pair.front, pair.back))
			require.GreaterOrEqual(t, got, pair.least, "%s on %s, %s", pair.front, pair.back, mode)
		}
		ground[mode] = eval[float64](b, fmt.Sprintf(ratio, "ground", "full"))
	}
	require.NotEqual(t, ground["light"], ground["dark"])
	b.quiet()
}

// What is printed is light, and has no search field.
func TestPrint(t *testing.T) {
	s := podnet(t)
	b := open(t, "file://"+s.report())
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Media: "print", Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}},
	})
	require.NoError(t, err)
	require.Equal(t, "none", eval[string](b, `getComputedStyle(document.querySelector("#search")).display`))
	require.Equal(t, "#fff", eval[string](b, `getComputedStyle(document.documentElement).getPropertyValue("--ground")`))
}

// A window as small as a phone shows all of it, if need be by scrolling a table or a map.
func TestNarrow(t *testing.T) {
	s := newScenario(t)
	scenarios()["dual"](s)
	b := open(t, "file://"+s.report())
	b.run(chromedp.EmulateViewport(360, 740))
	require.False(t, eval[bool](b, "document.documentElement.scrollWidth > innerWidth"))
	b.run(chromedp.Focus(chromedp.CSS(".chart svg")))
	b.press(kb.ArrowLeft)
	require.False(t, eval[bool](b, `document.querySelector(".chart .inspector").hidden || document.documentElement.scrollWidth > innerWidth`))
	b.save("narrow")
	b.quiet()
}

// A page of 10,000 leases is shown in under a second. Other programs run on the machine of a test, so
// the fastest of some attempts counts.
func TestManyLeases(t *testing.T) {
	s := newScenario(t)
	scenarios()["slash16"](s)
	b := open(t, "file://"+s.report())
	fastest := 1e9
	for range 5 {
		b.run(chromedp.Reload(), chromedp.WaitReady(chromedp.CSS(`html[data-ready]`)))
		fastest = min(fastest, eval[float64](b, `performance.getEntriesByType("navigation")[0].domComplete`))
	}
	t.Logf("loaded in %.0f ms", fastest)
	require.Less(t, fastest, 1000.0)
	require.Contains(t, b.search("10.88.0.2"), "10.88.0.2: ")
	require.Contains(t, b.search("team-7/checkout"), "and ")
	require.Contains(t, b.search("10.88.200.9"), "10.88.200.9 is free")
	b.quiet()
}

// A live page takes over what has changed, and keeps the reader's place.
func TestLive(t *testing.T) {
	s := podnet(t)
	url := s.serve()
	b := open(t, url)
	b.search("10.88.0.5")
	b.press(kb.Tab, kb.Enter, kb.ArrowRight, kb.ArrowRight)
	require.Contains(t, b.text(".inspector"), "10.88.0.7: free")
	eval[bool](b, `document.querySelector("main details").open = true`)
	s.fill("podnet", func(tx everyTx) error {
		return errors.Join(tx.Put(s.pod("10.88.0.7", `new-<b>0</b>`, time.Second)), tx.Put(s.pod("10.88.0.8", "new-1", time.Second)))
	})
	require.Eventually(t, func() bool { return strings.Contains(b.text(".inspector"), "shop/new-<b>0</b>") }, time.Minute, 200*time.Millisecond)
	require.True(t, eval[bool](b, `document.querySelector("main details").open`))
	require.Equal(t, "10.88.0.5", eval[string](b, `document.querySelector("#query").value`))
	require.Contains(t, b.text("#results"), "3 leases")
	require.Contains(t, b.search("new-"), "2 leases")
	b.quiet()

	// The place on a chart is a time; the last one stays the last one.
	b.run(chromedp.Focus(chromedp.CSS(".chart svg")))
	place := func() string { return eval[string](b, `document.activeElement.getAttribute("aria-valuetext")`) }
	b.press(kb.End)
	last := place()
	require.Contains(t, last, "4 of 253")
	require.Eventually(t, func() bool { return place() != last }, time.Minute, 200*time.Millisecond)
	require.Contains(t, place(), "4 of 253")

	// Without the box the page stays as it is.
	b.run(chromedp.Click(chromedp.CSS("#refresh input")))
	s.fill("podnet", func(tx everyTx) error { return tx.Delete(netip.MustParseAddr("10.88.0.8")) })
	time.Sleep(7 * time.Second)
	require.Contains(t, b.search("new-"), "2 leases")
	b.quiet()
	b.run(chromedp.Click(chromedp.CSS("#refresh input")))
	require.Eventually(t, func() bool { return strings.Contains(b.search("new-"), "new-<b>0</b>, container") }, time.Minute, 200*time.Millisecond)

	// If the server is gone, the page says so, and shows what it has.
	s.stop()
	require.Eventually(t, func() bool { return strings.Contains(b.text("#lost"), "Not refreshed: ") }, time.Minute, 200*time.Millisecond)
	require.Contains(t, b.search("10.88.0.5"), "3 leases")
}

// The hour before clocks are put back is twice, and both are searched: on 2026-10-25 in Berlin 02:30 was at 00:30
// UTC and at 01:30 UTC.
func TestSearchWhenClocksArePutBack(t *testing.T) {
	s := newScenario(t)
	s.configure("podnet", map[string]any{"subnet": "10.88.0.0/24", "backend": "bolt"})
	at := func(minute int) time.Time { return time.Date(2026, 10, 25, 0, minute, 0, 0, time.UTC) }
	s.fill("podnet", func(tx everyTx) error {
		for _, held := range []struct {
			name        string
			from, until int
		}{{"first", 25, 35}, {"between", 40, 80}, {"second", 85, 95}} {
			l := s.pod("10.88.0.5", held.name, 0)
			l.Since = at(held.from)
			if err := tx.Record(backend.Ended{Lease: l, Until: at(held.until), Cause: backend.EndedByDEL}); err != nil {
				return err
			}
		}
		return tx.SetPolicy("keep=10000 for=876000h0m0s")
	})
	b := open(t, "file://"+s.report())

	got := b.search("10.88.0.5 2026-10-25 02:30")
	require.Contains(t, got, "10.88.0.5 at 2026-10-25 02:30:00: 2 leases")
	require.Contains(t, got, "shop/first")
	require.Contains(t, got, "shop/second")
	require.NotContains(t, got, "shop/between")
	require.Contains(t, got, "Clocks were put back, so that time was twice: the second time 60 minutes later.")
	require.Contains(t, got, "leasehold who 10.88.0.5 --at 2026-10-25T00:30:00Z")
	require.Contains(t, got, "leasehold who 10.88.0.5 --at 2026-10-25T01:30:00Z")
	for query, want := range map[string]string{
		"02:30 +02:00": "first", "02:30 +01:00": "second", "01:30Z": "second", "02:50 +02:00": "between", "03:00 +02:00": "between",
	} {
		got := b.search("10.88.0.5 2026-10-25 " + query)
		require.Contains(t, got, "shop/"+want, query)
		require.NotContains(t, got, "Clocks were put back", query)
	}
	for _, query := range []string{"01:59", "03:00"} {
		require.NotContains(t, b.search("10.88.0.5 2026-10-25 "+query), "Clocks were put back", query)
	}
}
