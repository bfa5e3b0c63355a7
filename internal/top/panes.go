package top

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gdamore/tcell/v2"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/picture"
	"github.com/leasehold/leasehold/internal/report"
)

// drawMap draws the ranges of the selected set, one below the other.
func (v *view) drawMap(n *report.Network) {
	y, last := v.paneTop(), v.paneTop()+v.paneHeight()
	pictures := v.pictures(n)
	if len(pictures) == 0 {
		v.paragraph("the ranges of this network are not known; to give them: --conf-dir or --conf")
		return
	}
	for i, p := range pictures {
		height := (last - y) / (len(pictures) - i)
		if height < 3 {
			return // A caption, a row and a legend do not fit.
		}
		y = v.drawPicture(p, y, height) + 1
	}
	v.drawEvents(n, y, last)
}

// An event is the begin or the end of a lease.
type event struct {
	at   time.Time
	text string
}

// drawEvents draws what happened last, in the lines that the map leaves.
func (v *view) drawEvents(n *report.Network, y, last int) {
	var all []event
	for _, l := range n.Newest {
		if v.inSet(n, l.Addr) {
			all = append(all, event{l.Since, fmt.Sprintf("+ %-15s %-13s %s", l.Addr, holder(l, "(torn)"), pod(l))})
		}
	}
	for _, e := range n.Ended[:min(len(n.Ended), report.Recent)] {
		if v.inSet(n, e.Addr) {
			all = append(all, event{e.Until, fmt.Sprintf("- %-15s %-13s %s, by %s", e.Addr, holder(e.Lease, "(forgotten)"), pod(e.Lease), e.Cause)})
		}
	}
	slices.SortStableFunc(all, func(a, b event) int { return b.at.Compare(a.at) })
	for _, e := range all[:min(len(all), max(last-y, 0))] {
		v.put(0, y, fmt.Sprintf("%7s ago %s", v.age(e.at), e.text), tcell.StyleDefault)
		y++
	}
}

// inSet reports whether an address is of the selected range set, or of no other one of the network.
func (v *view) inSet(n *report.Network, addr netip.Addr) bool {
	lines := v.lines()
	set := lines[v.at(lines)].set
	for i, u := range n.Usage {
		if u.Set.Contains(addr) {
			return i == set
		}
	}
	return true
}

// pictures returns the pictures of the selected range set.
func (v *view) pictures(n *report.Network) []*picture.Picture {
	lines := v.lines()
	set, all := lines[v.at(lines)].set, n.Pictures
	for i, u := range n.Usage {
		of := len(u.Set.Ranges())
		if i == set {
			return all[:of]
		}
		all = all[of:]
	}
	return all
}

// labelWidth is how long the label of a row of cells is at most.
const labelWidth = 15

// drawPicture draws a picture into that many lines at most, and returns the line after it.
func (v *view) drawPicture(p *picture.Picture, y, height int) int {
	width, _ := v.screen.Size()
	cells := 64
	for cells > 8 && labelWidth+1+cells > width {
		cells /= 2
	}
	rows, shift := p.Rows(cells, height-2)
	v.put(0, y, cli.Printable(p.Caption(shift)), tcell.StyleDefault)
	y++
	looks := picture.Looks()
	for _, r := range rows {
		label := r.First.String()
		if n := len(label); n > labelWidth {
			label = "…" + label[n-labelWidth+1:]
		}
		x := v.put(0, y, fmt.Sprintf("%-*s ", labelWidth, label), tcell.StyleDefault)
		if r.Cells == nil {
			_, text, _ := strings.Cut(r.Skipped.Text, ": ")
			v.put(x, y, "… "+text, tcell.StyleDefault.Dim(true))
		}
		for i, c := range r.Cells {
			if c.Look != picture.Outside {
				v.put(x+i, y, string(looks[c.Look].Glyph), v.cellStyle(looks[c.Look]))
			}
		}
		y++
	}
	x := 0
	for _, e := range p.Legend(shift) {
		for _, l := range looks {
			if l.Name == e.Name {
				x = v.put(x, y, string(l.Glyph), v.cellStyle(l))
			}
		}
		if e.Text != "" {
			text, _, _ := strings.Cut(e.Text, " (")
			x = v.put(x, y, " "+text+"  ", tcell.StyleDefault)
		}
	}
	return y + 1
}

// cellStyle returns the colour of a cell.
func (v *view) cellStyle(l picture.Look) tcell.Style {
	switch {
	case !v.colours:
		return tcell.StyleDefault
	case v.many:
		return tcell.StyleDefault.Foreground(tcell.GetColor(l.RGB))
	}
	return tcell.StyleDefault.Foreground(tcell.PaletteColor(l.ANSI))
}

// A table is rows of a pane.
type table struct {
	head string
	rows []string
	none string // if there are no rows
	note string // below the rows
}

func (v *view) drawLeases(n *report.Network) {
	t := table{head: fmt.Sprintf("%-15s %-13s %8s  %s", "ADDRESS", "CONTAINER", "AGE", "POD"), none: "no lease"}
	if n.Leases == nil && n.Total > 0 {
		v.paragraph(fmt.Sprintf("%s are too many to list; to find one: leasehold who ADDRESS", count(n.Total, "lease")))
		return
	}
	for _, l := range n.Leases {
		if v.inSet(n, l.Addr) && v.matches(l) {
			t.rows = append(t.rows, fmt.Sprintf("%-15s %-13s %8s  %s", l.Addr, holder(l, "(torn)"), v.age(l.Since), pod(l)))
		}
	}
	v.drawTable(t)
}

func (v *view) drawHistory(n *report.Network) {
	if n.NoHistory != "" {
		v.paragraph("not known: " + cli.Printable(n.NoHistory))
		return
	}
	t := table{head: fmt.Sprintf("%-15s %-13s %-14s %-14s %-7s %s", "ADDRESS", "CONTAINER", "SINCE", "UNTIL", "ENDED", "POD"), none: "no lease has ended"}
	for _, e := range n.Ended {
		if v.inSet(n, e.Addr) && v.matches(e.Lease) {
			t.rows = append(t.rows, fmt.Sprintf("%-15s %-13s %-14s %-14s %-7s %s",
				e.Addr, holder(e.Lease, "(forgotten)"), moment(e.Since), moment(e.Until), e.Cause, pod(e.Lease)))
		}
	}
	if len(n.Ended) == 0 && !n.Reach.Complete {
		t.none = "no lease is known to have ended: " + n.Reach.Why
	}
	if len(n.Ended) < n.EndedAll {
		t.note = fmt.Sprintf("the latest %s of %s; for those before: leasehold history", picture.Number(uint64(len(n.Ended))), picture.Number(uint64(n.EndedAll)))
	}
	v.drawTable(t)
}

// drawTable draws as many rows as fit, from the one that is scrolled to.
func (v *view) drawTable(t table) {
	if len(t.rows) == 0 {
		if v.filter != "" {
			t.none += " with “" + v.filter + "”"
		}
		v.paragraph(t.none)
		return
	}
	height := v.paneHeight() - 1 // without the head
	if t.note != "" {
		height--
	}
	height = max(height, 0) // in a small terminal
	v.scroll = min(v.scroll, max(len(t.rows)-height, 0))
	y := v.paneTop()
	v.put(0, y, t.head, tcell.StyleDefault.Bold(true))
	for _, r := range t.rows[v.scroll:min(v.scroll+height, len(t.rows))] {
		y++
		v.put(0, y, r, tcell.StyleDefault)
	}
	if t.note != "" {
		v.put(0, y+1, t.note, tcell.StyleDefault.Dim(true))
	}
}

// holder returns the beginning of a container ID, as crictl prints it.
func holder(l backend.Lease, none string) string {
	if l.Owner.IsZero() {
		return none
	}
	const width = 13
	id := cli.Printable(cli.ShortID(l.Owner.ContainerID))
	if utf8.RuneCountInString(id) > width {
		return cli.Shorten(id, width)
	}
	return id
}

func pod(l backend.Lease) string {
	if l.Pod == (backend.Pod{}) {
		return "-"
	}
	return cli.Printable(l.Pod.String())
}

func (v *view) age(since time.Time) string {
	if since.IsZero() {
		return "-"
	}
	return cli.Age(v.report.At.Sub(since))
}

// moment formats a time in the local zone without its year.
func moment(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return at.Local().Format("01-02 15:04:05")
}
