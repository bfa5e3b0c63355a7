package top

import (
	"strings"
	"unicode/utf8"

	"github.com/gdamore/tcell/v2"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/report"
)

// A pane is what the lower part of the screen shows of the selected network.
type pane int

const (
	mapPane pane = iota
	leasePane
	historyPane

	panes // the number of panes
)

// A view is what is on the screen.
type view struct {
	screen  tcell.Screen
	colours bool
	many    bool // more than sixteen

	report report.Report
	known  bool  // whether there is a report
	err    error // why there is no newer one

	selected line // also if it is not in the report any more
	pane     pane
	scroll   int // lines of the pane above the screen
	filter   string
	typing   bool // into filter
	paused   bool
}

// A line is a range set of a network, or a network without any.
type line struct {
	network string
	set     int
}

// lines returns the lines of the list, in the order of the report.
func (v *view) lines() (all []line) {
	for _, n := range v.report.Networks {
		for i := range max(len(n.Usage), 1) {
			all = append(all, line{n.Name, i})
		}
	}
	return all
}

// at returns the index of the selected line, or of the first one.
func (v *view) at(lines []line) int {
	for i, l := range lines {
		if l == v.selected {
			return i
		}
	}
	return 0
}

// network returns the selected network; nil if there is none.
func (v *view) network() *report.Network {
	lines := v.lines()
	if len(lines) == 0 {
		return nil
	}
	name := lines[v.at(lines)].network
	for i := range v.report.Networks {
		if v.report.Networks[i].Name == name {
			return &v.report.Networks[i]
		}
	}
	return nil
}

// take shows a new report. If it failed, the last one stays.
func (v *view) take(s sight) {
	if v.paused && v.known {
		return
	}
	if v.err = s.err; v.err == nil {
		v.report, v.known = s.report, true
	}
}

// handle changes what is shown, and reports whether the user quits.
func (v *view) handle(e tcell.Event) (quit bool) {
	switch e := e.(type) {
	case *tcell.EventResize:
		v.screen.Sync()
	case *tcell.EventKey:
		switch {
		case e.Key() == tcell.KeyCtrlC:
			return true
		case e.Key() == tcell.KeyCtrlL:
			v.screen.Sync()
		case v.typing:
			v.typed(e)
		default:
			return v.pressed(e)
		}
	}
	return false
}

// typed changes the filter.
func (v *view) typed(e *tcell.EventKey) {
	v.scroll = 0
	switch e.Key() {
	case tcell.KeyEnter:
		v.typing = false
	case tcell.KeyEscape:
		v.typing, v.filter = false, ""
	case tcell.KeyBackspace, tcell.KeyBackspace2:
		_, size := utf8.DecodeLastRuneInString(v.filter)
		v.filter = v.filter[:len(v.filter)-size]
	case tcell.KeyCtrlU:
		v.filter = ""
	case tcell.KeyRune:
		v.filter += string(e.Rune())
	}
}

func (v *view) pressed(e *tcell.EventKey) (quit bool) {
	page := max(v.paneHeight()-1, 1)
	switch e.Key() {
	case tcell.KeyUp:
		v.move(-1)
	case tcell.KeyDown:
		v.move(1)
	case tcell.KeyTab, tcell.KeyRight:
		v.show((v.pane + 1) % panes)
	case tcell.KeyBacktab, tcell.KeyLeft:
		v.show((v.pane + panes - 1) % panes)
	case tcell.KeyPgDn:
		v.scroll += page
	case tcell.KeyPgUp:
		v.scroll = max(v.scroll-page, 0)
	case tcell.KeyHome:
		v.scroll = 0
	case tcell.KeyEscape:
		v.filter = ""
	case tcell.KeyRune:
		return v.letter(e.Rune())
	}
	return false
}

func (v *view) letter(r rune) (quit bool) {
	switch r {
	case 'q', 'Q':
		return true
	case 'k':
		v.move(-1)
	case 'j':
		v.move(1)
	case 'm', '1':
		v.show(mapPane)
	case 'l', '2':
		v.show(leasePane)
	case 'h', '3':
		v.show(historyPane)
	case ' ':
		v.paused = !v.paused
	case '/':
		v.typing, v.scroll = true, 0
		if v.pane == mapPane {
			v.pane = leasePane
		}
	}
	return false
}

func (v *view) show(p pane) { v.pane, v.scroll = p, 0 }

// move selects another line.
func (v *view) move(by int) {
	lines := v.lines()
	if len(lines) == 0 {
		return
	}
	v.selected = lines[min(max(v.at(lines)+by, 0), len(lines)-1)]
	v.scroll = 0
}

// matches reports whether a lease has the text of the filter in its address, pod or container ID.
func (v *view) matches(l backend.Lease) bool {
	if v.filter == "" {
		return true
	}
	text := strings.ToLower(v.filter)
	return strings.HasPrefix(l.Addr.String(), text) || strings.Contains(strings.ToLower(cli.Printable(l.Pod.String())), text) ||
		strings.Contains(strings.ToLower(cli.Printable(l.Owner.ContainerID)), text)
}
