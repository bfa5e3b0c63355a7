// Package report turns measured times into tables for people, in Markdown, and
// into JSON for other programs.
//
// [Results] are everything that was measured; they are what JSON has. What the
// tables show, summaries and ratios, is worked out from them when it is printed, so
// that the two cannot disagree.
package report

import (
	"slices"
	"time"

	"github.com/leasehold/leasehold/bench/compare/internal/machine"
)

// Results are what a comparison has found.
type Results struct {
	Machine  machine.Machine `json:"machine"`
	Programs []Program       `json:"programs"`
	Rounds   int             `json:"rounds"`

	// Contestants are the names of all that were measured, in the order in
	// which they are to be shown.
	Contestants []string `json:"contestants"`

	Series []Series `json:"series"`
	Space  []Space  `json:"space"`
}

// A Program is one of the programs that took part.
type Program struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// A Series is how long a command of a contestant took, round by round, at one
// fill.
type Series struct {
	Fill       int             `json:"fill"`
	Contestant string          `json:"contestant"`
	Command    string          `json:"command"`
	Times      []time.Duration `json:"nanoseconds"` // by round
}

// A Space is what a store occupied on the disk when it had been filled.
type Space struct {
	Fill       int    `json:"fill"`
	Contestant string `json:"contestant"`
	Bytes      int64  `json:"bytes"`
}

// Add records the time that a command of a contestant took in the next round.
func (r *Results) Add(fill int, contestant, command string, took time.Duration) {
	i := r.index(fill, contestant, command)
	if i < 0 {
		i = len(r.Series)
		r.Series = append(r.Series, Series{Fill: fill, Contestant: contestant, Command: command})
	}
	r.Series[i].Times = append(r.Series[i].Times, took)
}

// times returns the times of a series, or nil if there is no such series.
func (r *Results) times(fill int, contestant, command string) []time.Duration {
	if i := r.index(fill, contestant, command); i >= 0 {
		return r.Series[i].Times
	}
	return nil
}

func (r *Results) index(fill int, contestant, command string) int {
	return slices.IndexFunc(r.Series, func(s Series) bool {
		return s.Fill == fill && s.Contestant == contestant && s.Command == command
	})
}

// space returns the bytes that a store occupied, if that was measured.
func (r *Results) space(fill int, contestant string) (bytes int64, ok bool) {
	i := slices.IndexFunc(r.Space, func(s Space) bool {
		return s.Fill == fill && s.Contestant == contestant
	})
	if i < 0 {
		return 0, false
	}
	return r.Space[i].Bytes, true
}

// fills returns the fills in ascending order.
func (r *Results) fills() []int {
	var all []int
	for _, s := range r.Series {
		all = append(all, s.Fill)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// commands returns the commands in the order in which they were measured.
func (r *Results) commands() []string {
	var all []string
	for _, s := range r.Series {
		if !slices.Contains(all, s.Command) {
			all = append(all, s.Command)
		}
	}
	return all
}
