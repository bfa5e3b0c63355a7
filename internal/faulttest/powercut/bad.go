//go:build linux

package powercut

import (
	"fmt"
	"slices"
	"strings"
)

// A BadImage is one that a power cut can leave and that the store must not be in.
type BadImage struct {
	Dir   string   // where it is kept
	Event int      // after how many events
	Last  []string // of these
	Lost  []string // what was not there of what had not been synced
	Wrong error    // what is wrong with it

	unkept error // why it is not kept
}

func (e *BadImage) Unwrap() error { return e.Wrong }

func (e *BadImage) Error() string {
	kept := e.Dir
	if e.unkept != nil {
		kept = e.unkept.Error()
	}
	return fmt.Sprintf("power cut after event %d: %v\nimage: %s\nlost: %s\nlast events:\n  %s",
		e.Event, e.Wrong, kept, list(e.Lost), strings.Join(e.Last, "\n  "))
}

// list is for what can be thousands of pieces.
func list(lost []string) string {
	if len(lost) == 0 {
		return "nothing"
	}
	const most = 12
	some := slices.Compact(slices.Clone(lost))
	if more := len(some) - most; more > 0 {
		return fmt.Sprintf("%s, and %d more", strings.Join(some[:most], ", "), more)
	}
	return strings.Join(some, ", ")
}
