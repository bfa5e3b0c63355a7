// Package boot tells one boot of the machine from another.
package boot

import "time"

// A Boot is one run of the machine's kernel. The zero Boot is one that is not
// known.
type Boot struct {
	// ID is different after every boot.
	ID string

	// Started is when the boot began by the wall clock of now.
	Started time.Time
}

// Current returns the present boot, or the zero Boot where the system does not
// tell.
func Current() Boot { return current() }
