//go:build linux

package powercut

import (
	"fmt"
	"slices"
	"strings"
)

// A BadImage is an image that a power cut can leave, and in which the store is not as it
// must be.
type BadImage struct {
	Dir   string   // where the image is kept
	Event int      // number of events before the cut
	Last  []string // the last events before the cut
	Lost  []string // unsynced changes that the cut lost
	Wrong error    // what is wrong with the store

	keepErr error // why the image could not be kept
}

func (e *BadImage) Unwrap() error { return e.Wrong }

func (e *BadImage) Error() string {
	kept := e.Dir
	if e.keepErr != nil {
		kept = e.keepErr.Error()
	}
	return fmt.Sprintf("power cut after event %d: %v\nimage: %s\nlost: %s\nlast events:\n  %s",
		e.Event, e.Wrong, kept, list(e.Lost), strings.Join(e.Last, "\n  "))
}

// list returns the lost changes, of which there can be thousands, in a short form.
func list(lost []string) string {
	if len(lost) == 0 {
		return "nothing"
	}
	const maxListed = 12
	some := slices.Compact(slices.Clone(lost))
	if more := len(some) - maxListed; more > 0 {
		return fmt.Sprintf("%s, and %d more", strings.Join(some[:maxListed], ", "), more)
	}
	return strings.Join(some, ", ")
}
