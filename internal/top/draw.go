package top

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/gdamore/tcell/v2"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/picture"
	"github.com/leasehold/leasehold/internal/report"
)

// The screen has, from above: a title, headings, the list, the heading of the pane, the pane, and the
// keys.
const (
	listTop  = 2
	maxList  = 6 // lines of the list
	overhead = listTop + 2
)

// listHeight returns how many lines of the list are shown.
func (v *view) listHeight() int {
	_, height := v.screen.Size()
	return max(min(len(v.lines()), maxList, height-overhead-1), 1)
}

func (v *view) paneTop() int { return listTop + v.listHeight() + 1 }

func (v *view) paneHeight() int {
	_, height := v.screen.Size()
	return height - 1 - v.paneTop()
}

func (v *view) draw() {
	v.screen.Clear()
	v.screen.HideCursor()
	v.title()
	switch {
	case !v.known && v.err == nil:
		v.put(0, 2, "reading…", tcell.StyleDefault)
	case v.known:
		v.list()
		v.lower()
	}
	v.keys()
	v.screen.Show()
}

// put writes a text, cut at the right edge, and returns the column after it.
func (v *view) put(x, y int, text string, style tcell.Style) int {
	width, height := v.screen.Size()
	if y < 0 || y >= height {
		return x
	}
	for text != "" && x < width {
		rest, n := v.screen.Put(x, y, text, style)
		if n == 0 {
			n = 1 // A character without a width, which Printable leaves in a name, is put alone.
		}
		text, x = rest, x+n
	}
	return x
}

// bar fills a line with the style.
func (v *view) bar(y int, style tcell.Style) {
	width, _ := v.screen.Size()
	v.put(0, y, strings.Repeat(" ", width), style)
}

// alarm is the style of what needs attention.
func (v *view) alarm() tcell.Style {
	if v.colours {
		return tcell.StyleDefault.Foreground(tcell.PaletteColor(9)).Bold(true)
	}
	return tcell.StyleDefault.Bold(true)
}

func (v *view) title() {
	style := tcell.StyleDefault.Reverse(true)
	v.bar(0, style)
	text := " " + cli.Printable(cmp.Or(v.report.Host, "leasehold"))
	if v.known {
		text += "  " + v.report.At.Local().Format("2006-01-02 15:04:05")
	}
	if v.paused {
		text += "  paused: space continues"
	}
	v.put(0, 0, text, style)
	if v.err != nil {
		v.put(0, 1, cli.Printable("not refreshed: "+v.err.Error()), v.alarm())
	} else if len(v.report.Warnings) > 0 {
		v.put(0, 1, cli.Printable(v.report.Warnings[0]), v.alarm())
	}
}

// list draws the range sets around the selected one.
func (v *view) list() {
	const format = "%-16s %-26s %9s %7s %9s  "
	lines, shown := v.lines(), v.listHeight()
	at := v.at(lines)
	first := min(max(at-shown/2, 0), max(len(lines)-shown, 0))
	if v.err == nil && len(v.report.Warnings) == 0 {
		v.put(0, 1, fmt.Sprintf(format, "NETWORK", "RANGES", "LEASED", "COOLING", "FREE")+"USED", tcell.StyleDefault.Bold(true))
	}
	if len(lines) == 0 {
		v.put(0, listTop, "there is no network here", tcell.StyleDefault)
	}
	for i := range min(shown, len(lines)) {
		l := lines[first+i]
		style := tcell.StyleDefault
		if first+i == at {
			style = style.Reverse(true)
			v.bar(listTop+i, style)
		}
		n := v.named(l.network)
		name := cli.Shorten(cli.Printable(l.network), 16)
		if l.set >= len(n.Usage) {
			v.put(0, listTop+i, fmt.Sprintf("%-16s %s", name, stateOf(n)), style)
			continue
		}
		u := n.Usage[l.set]
		x := v.put(0, listTop+i, fmt.Sprintf(format, name, cli.Shorten(rangesOf(u), 26), short(u.Leased), short(u.Cooling), short(u.Free)), style)
		v.put(x, listTop+i, used(u), style)
	}
}

func (v *view) named(name string) report.Network {
	for _, n := range v.report.Networks {
		if n.Name == name {
			return n
		}
	}
	return report.Network{}
}

// stateOf says why a network has no usage.
func stateOf(n report.Network) string {
	if n.Failure != "" {
		return cli.Printable(n.Failure)
	}
	return fmt.Sprintf("%s; its ranges are not known", count(n.Total, "lease"))
}

// rangesOf returns the subnets of a set.
func rangesOf(u allocator.Usage) string {
	var texts []string
	for _, r := range u.Set.Ranges() {
		texts = append(texts, r.Subnet().String())
	}
	return strings.Join(texts, ",")
}

// short formats a number in at most nine characters.
func short(n uint64) string {
	if n >= 1e7 {
		return strings.Replace(fmt.Sprintf("%.1e", float64(n)), "e+", "e", 1)
	}
	return picture.Number(n)
}

func used(u allocator.Usage) string { return fmt.Sprintf("%3.0f%%", math.Floor(100*u.Used())) }

// lower draws the pane and its heading.
func (v *view) lower() {
	n := v.network()
	if n == nil {
		return
	}
	y := v.paneTop() - 1
	x := v.put(0, y, "── ", tcell.StyleDefault)
	for p, name := range []string{"map", "leases", "history"} {
		style := tcell.StyleDefault
		if pane(p) == v.pane {
			name = "[" + name + "]"
			style = style.Bold(true)
		}
		x = v.put(x, y, name, style) + 1
	}
	if v.filter != "" || v.typing {
		x = v.put(x+1, y, "with “"+v.filter, tcell.StyleDefault.Bold(true))
		if v.typing {
			v.screen.ShowCursor(x, y)
		}
		x = v.put(x, y, "” ", tcell.StyleDefault.Bold(true))
	}
	if lines := v.lines(); len(lines) > 0 {
		if text := n.Notice(lines[v.at(lines)].set); text != "" {
			x = v.put(x, y, "── "+text+" ", v.alarm())
		}
	}
	width, _ := v.screen.Size()
	v.put(x, y, strings.Repeat("─", max(width-x, 0)), tcell.StyleDefault)
	switch {
	case n.Failure != "":
		v.paragraph(cli.Printable(n.Failure))
	case v.pane == mapPane:
		v.drawMap(n)
	case v.pane == leasePane:
		v.drawLeases(n)
	default:
		v.drawHistory(n)
	}
}

// paragraph writes a text over several lines of the pane.
func (v *view) paragraph(text string) {
	width, _ := v.screen.Size()
	y, last := v.paneTop(), v.paneTop()+v.paneHeight()
	for text != "" && y < last && width > 0 {
		end, runes := 0, 0
		for end < len(text) && runes < width {
			_, size := utf8.DecodeRuneInString(text[end:])
			end += size
			runes++
		}
		v.put(0, y, text[:end], tcell.StyleDefault)
		text = text[end:]
		y++
	}
}

func (v *view) keys() {
	_, height := v.screen.Size()
	text := " ↑↓ network  ⇥ map/leases/history  / search  PgDn PgUp  space pause  q quit"
	if v.typing {
		text = " an address, pod or container  Enter keep  Esc clear"
	}
	v.bar(height-1, tcell.StyleDefault.Reverse(true))
	v.put(0, height-1, text, tcell.StyleDefault.Reverse(true))
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return picture.Number(uint64(n)) + " " + noun + "s"
}
