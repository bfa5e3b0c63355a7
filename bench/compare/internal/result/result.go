// Package result keeps what has been measured.
//
// [Results] are all values of one part of the comparison, and what they were measured
// on. They are what is written as JSON; tables, plots and ratios are worked out of
// them, so that none of these can disagree.
package result

import (
	"slices"

	"github.com/leasehold/leasehold/bench/compare/internal/machine"
)

// Results are what one part of a comparison has found.
type Results struct {
	Part     string          `json:"part"`
	Date     string          `json:"date"`
	Quick    bool            `json:"quick"` // shortened
	Machine  machine.Machine `json:"machine"`
	Programs []Program       `json:"programs"`

	// FileSystems say on what the stores were that are said to be on a file
	// system of that name.
	FileSystems map[string]string `json:"fileSystems"`

	// Missing says of contestants why they were not measured.
	Missing map[string]string `json:"missing,omitempty"`

	Series []Series `json:"series"`
}

// A Program is one of the programs that took part.
type Program struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// A Key says what was measured.
type Key struct {
	FileSystem string `json:"fileSystem,omitempty"`
	Case       string `json:"case,omitempty"`   // in what circumstances
	Leases     int    `json:"leases"`           // that were held meanwhile
	AtOnce     int    `json:"atOnce,omitempty"` // processes, or goroutines
	Contestant string `json:"contestant"`
	Measure    string `json:"measure"` // such as the command
}

// A Unit is what a value counts.
type Unit string

// The units.
const (
	Nanoseconds Unit = "ns"
	Bytes       Unit = "bytes"
	PerSecond   Unit = "1/s"
)

// A Series is what was measured of one thing, round by round.
type Series struct {
	Key
	Unit   Unit      `json:"unit"`
	Values []float64 `json:"values"`
}

// Add records the value of the next round.
func (r *Results) Add(k Key, unit Unit, value float64) {
	i := r.index(k)
	if i < 0 {
		i = len(r.Series)
		r.Series = append(r.Series, Series{Key: k, Unit: unit})
	}
	r.Series[i].Values = append(r.Series[i].Values, value)
}

// Values returns the values of a series, or nil if there is no such series.
func (r *Results) Values(k Key) []float64 {
	if i := r.index(k); i >= 0 {
		return r.Series[i].Values
	}
	return nil
}

func (r *Results) index(k Key) int {
	return slices.IndexFunc(r.Series, func(s Series) bool { return s.Key == k })
}
