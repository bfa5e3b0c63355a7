// Package boot tells one boot of the machine from another.
package boot

import "github.com/leasehold/leasehold/allocator"

// Current returns what the system tells of the present boot. Where it does not tell one
// of the fields, that is zero, and the other is returned all the same.
func Current() allocator.Boot { return current() }
