// Package boot identifies the present boot of the machine.
package boot

import "github.com/leasehold/leasehold/allocator"

// Current returns the present boot. A field that the system does not tell is zero.
func Current() allocator.Boot { return current() }
