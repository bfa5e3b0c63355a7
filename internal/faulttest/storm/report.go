package storm

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Report says what there was in a storm.
type Report struct {
	Answers   map[string]int // operations that were answered, by command
	Killed    map[string]int // those that were not
	Exhausted int            // ADDs that found no address left
	TryAgain  int            // operations that waited too long for the lock
	Peak      int            // processes at once
	Left      int            // containers killed in the middle, or abandoned, that held addresses at the end
	Took      time.Duration  // of the storm, without what was checked after it
}

// count enters how an operation has ended.
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

// String returns the report in one line.
func (r Report) String() string {
	return fmt.Sprintf("%d processes at once; answered: %s; killed: %s; %d exhausted, %d try again, %d left by who was killed or gone; %v",
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
