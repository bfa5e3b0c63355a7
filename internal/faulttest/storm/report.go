package storm

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Report sums up a storm.
type Report struct {
	Answers   map[string]int // number of answered operations, by command
	Killed    map[string]int // number of killed operations, by command
	Exhausted int            // ADDs that found no free address
	TryAgain  int            // operations that timed out waiting for the lock
	Peak      int            // maximum number of processes at once
	Left      int            // containers with a killed operation, or abandoned, that held addresses at the end
	Took      time.Duration  // duration, without the checks afterwards
}

// count counts the end of an operation.
func (r *Report) count(o operation, a answer) {
	switch {
	case a.killed:
		r.Killed[o.command]++
		return
	case a.code == exhausted:
		r.Exhausted++
	case a.code == tryAgain:
		r.TryAgain++
	}
	r.Answers[o.command]++
}

// String returns the report on one line.
func (r Report) String() string {
	return fmt.Sprintf("%d processes at once; answered: %s; killed: %s; %d exhausted, %d try again, %d left by killed operations or abandoned containers; %v",
		r.Peak, counts(r.Answers), counts(r.Killed), r.Exhausted, r.TryAgain, r.Left, r.Took.Round(time.Millisecond))
}

func counts(by map[string]int) string {
	var texts []string
	sum := 0
	for _, command := range slices.Sorted(maps.Keys(by)) {
		texts = append(texts, fmt.Sprintf("%d %s", by[command], command))
		sum += by[command]
	}
	return fmt.Sprintf("%d (%s)", sum, strings.Join(texts, ", "))
}
