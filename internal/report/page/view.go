package page

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/picture"
	"github.com/leasehold/leasehold/internal/report"
	"github.com/leasehold/leasehold/internal/shell"
)

// A view is what the template shows.
type view struct {
	Style    template.CSS
	Script   template.JS
	Policy   string
	Live     bool
	Host     string
	At       moment
	Records  records
	Networks []netView

	Problems, Notes []report.Finding
	Checked         *moment
	Warnings        []string
}

// A moment is a time for people and for machines. The script shows it in the zone of the reader.
type moment struct{ Text, Machine string }

func at(t time.Time) moment {
	if t.IsZero() {
		return moment{Text: "–"}
	}
	t = t.UTC()
	return moment{t.Format("2006-01-02 15:04:05 UTC"), t.Format(time.RFC3339)}
}

// A netView is a network in the page.
type netView struct {
	report.Network
	Anchor int
	Sets   []setView
	Maps   []mapView

	Facts    []string // in a line below the name
	Lacks    []string // what the page does not have
	NewRows  []row
	EndRows  []row
	CoolRows []row
}

type setView struct {
	Ranges                                string
	Size, Leased, Cooling, Free, Withheld string
	NotHeld                               string // empty if there are none
	Percent                               int
	Level                                 string // class of the bar
	Forecast                              string // or what else [report.Network.Notice] says; empty if nothing
	Chart                                 *chart
	From, To                              moment
}

type mapView struct {
	sheet
	drawing
	Number  int
	Caption string
	Legend  []entry
}

type entry struct{ Class, Text string }

// A row is one lease, ended lease or cooling address.
type row struct {
	Addr, Holder, ID string
	At               moment
	Ended            string
	Until            *moment
}

func newView(p *Page, r report.Report, live bool) view {
	v := view{
		Style: p.style, Script: p.script, Policy: p.Policy(live), Live: live, Host: cli.Printable(r.Host), At: at(r.At),
		Records: newRecords(r, live),
	}
	for _, w := range r.Warnings {
		v.Warnings = append(v.Warnings, cli.Printable(w))
	}
	for _, f := range r.Findings {
		f.Network, f.Text = name(f.Network), cli.Printable(f.Text)
		if f.Note {
			v.Notes = append(v.Notes, f)
		} else {
			v.Problems = append(v.Problems, f)
		}
	}
	if !r.Checked.IsZero() {
		checked := at(r.Checked)
		v.Checked = &checked
	}
	for i, n := range r.Networks {
		v.Networks = append(v.Networks, newNetView(n, v.Records.Nets[i], i))
	}
	return v
}

func newNetView(n report.Network, rec network, i int) netView {
	v := netView{Network: n, Anchor: i}
	v.Name, v.Failure = cli.Printable(n.Name), cli.PrintableLines(n.Failure)
	for i, u := range n.Usage {
		s := newSetView(u, n.Fills, i)
		s.Forecast = n.Notice(i)
		v.Sets = append(v.Sets, s)
	}
	for i, s := range rec.Maps {
		v.Maps = append(v.Maps, newMapView(n.Pictures[i], s, i))
	}
	v.Facts, v.Lacks = facts(n), lacks(n, rec)
	v.Commands = nil
	for _, c := range n.Commands {
		v.Commands = append(v.Commands, report.Command{Line: cli.Printable(c.Line), Why: cli.Printable(c.Why)})
	}
	for _, l := range n.Newest {
		v.NewRows = append(v.NewRows, newRow(l))
	}
	for _, e := range n.Ended[:min(len(n.Ended), report.Recent)] {
		r := newRow(e.Lease)
		until := at(e.Until)
		r.Until, r.Ended = &until, e.Cause.String()
		if e.Forgotten() {
			r.Holder = "(forgotten)"
		}
		v.EndRows = append(v.EndRows, r)
	}
	for _, c := range n.Cooling {
		until := at(c.Until)
		v.CoolRows = append(v.CoolRows, row{Addr: c.Addr.String(), At: at(c.Since), Until: &until})
	}
	return v
}

func newRow(l backend.Lease) row {
	const most = 120 // characters
	r := row{Addr: l.Addr.String(), ID: cli.Shorten(name(cli.ShortID(l.Owner.ContainerID)), most), At: at(l.Since)}
	switch {
	case l.Owner.IsZero():
		r.Holder = "(torn)"
	case l.Pod != (backend.Pod{}):
		r.Holder = cli.Shorten(name(l.Pod.String()), most)
	}
	return r
}

// nearlyFull and full are percentages from which on a bar warns.
const nearlyFull, full = 80, 95

func newSetView(u allocator.Usage, fills []report.Fill, i int) setView {
	v := setView{
		Ranges: strings.ReplaceAll(u.Set.String(), ",", ", "), Size: amount(u.Size), Leased: amount(u.Leased), Cooling: amount(u.Cooling),
		Free: amount(u.Free), Withheld: amount(u.Withheld), Percent: int(100 * u.Used()),
	}
	switch {
	case v.Percent >= full:
		v.Level = "high"
	case v.Percent >= nearlyFull:
		v.Level = "raised"
	}
	if u.NotHeld > 0 {
		v.NotHeld = amount(u.NotHeld)
	}
	if i < len(fills) {
		v.Chart = newChart(fills[i], u.Set.Size())
		v.From, v.To = at(fills[i].From), at(fills[i].To)
	}
	return v
}

func newMapView(p *picture.Picture, s sheet, i int) mapView {
	v := mapView{sheet: s, drawing: s.drawing, Number: i, Caption: cli.Printable(p.Caption(s.Shift))}
	for _, e := range p.Legend(s.Shift) {
		v.Legend = append(v.Legend, entry{e.Name, e.Text})
	}
	return v
}

// facts says what kind of network it is.
func facts(n report.Network) (all []string) {
	if n.Store == "none" {
		return []string{"no store yet: no lease was ever made"}
	}
	all = append(all, n.Store+" store "+cli.Printable(n.Path))
	if n.Shared != "" {
		all = append(all, cli.Printable(n.Shared))
	}
	for _, c := range []struct {
		n    int
		what string
	}{
		{n.Total, "leases"},
		{n.Torn, "torn by a crash"},
		{n.Earlier, "from before the machine started"},
		{n.Outside, "in no range of the configuration"},
		{n.Cools, "addresses cooling"},
	} {
		if c.n > 0 || c.what == "leases" {
			all = append(all, amount(uint64(c.n))+" "+c.what)
		}
	}
	return all
}

// lacks says what the page does not have of the network.
func lacks(n report.Network, rec network) (all []string) {
	if n.Failure == "" && !rec.Listed {
		all = append(all, fmt.Sprintf("This page has the map of the %s leases and does not list them, so the search does not find them. To find one: leasehold who ADDRESS", amount(uint64(n.Total))))
	}
	if n.Total > report.MaxLeases {
		all = append(all, "It has no forecast for so many leases. For one: leasehold usage "+cli.Printable(shell.Quote(n.Name)))
	}
	if n.NoHistory != "" {
		all = append(all, "Who held an address before is not known: "+cli.Printable(n.NoHistory)+".")
	}
	shown := 0
	if rec.Ended != nil {
		shown = len(rec.Ended.Addrs)
	}
	if shown < n.EndedAll {
		all = append(all, fmt.Sprintf("This page has the latest %s of %s ended leases. For those before: leasehold who ADDRESS --at TIME", amount(uint64(shown)), amount(uint64(n.EndedAll))))
	}
	return all
}

func amount(n uint64) string { return picture.Number(n) }
