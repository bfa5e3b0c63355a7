package top

import (
	"testing"

	"github.com/gdamore/tcell/v2"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/internal/report"
)

// Where no ended lease is known, it says whether none has ended.
func TestEmptyHistory(t *testing.T) {
	for want, reach := range map[string]allocator.Reach{
		"no lease has ended": {From: now, Complete: true},
		"no lease is known to have ended: the history is empty": {From: now, Why: "the history is empty"},
	} {
		n := network(t, "podnet", 2, "10.88.0.0/28")
		n.Ended, n.EndedAll, n.Reach = nil, 0, reach
		s := start(t, 80, 24, observing(report.Report{Host: "node-1", At: now, Networks: []report.Network{n}}))
		s.types("h")
		s.shows(want)
		s.types("q")
		require.NoError(t, s.ends())
	}
}

// A screen can be lower than the list of the networks.
func TestScrollWithoutRoom(t *testing.T) {
	screen := tcell.NewSimulationScreen("UTF-8")
	require.NoError(t, screen.Init())
	defer screen.Fini()
	screen.SetSize(80, 3)
	n := network(t, "podnet", 5, "10.88.0.0/28")
	v := view{screen: screen, known: true, pane: historyPane, scroll: 100, report: report.Report{At: now, Networks: []report.Network{n}}}
	v.draw()
	require.LessOrEqual(t, v.scroll, 5)
}
