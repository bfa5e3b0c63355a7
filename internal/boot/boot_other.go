//go:build !linux

package boot

import "github.com/leasehold/leasehold/allocator"

func current() allocator.Boot { return allocator.Boot{} }
