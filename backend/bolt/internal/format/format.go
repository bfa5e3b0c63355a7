// Package format has the bytes of a bolt store: the names of its buckets, the version, and
// how keys and records are written and read. docs/formats.md describes them. Everything
// read is validated, so a corrupt file gives errors and never invented leases.
package format

import (
	"fmt"

	"github.com/leasehold/leasehold/backend"
)

// Names of buckets, and of keys in the bucket meta.
var (
	MetaBucket    = []byte("meta")
	LeasesBucket  = []byte("leases")
	OwnersBucket  = []byte("owners")
	RunsBucket    = []byte("runs")
	BootsBucket   = []byte("boots")
	CursorsBucket = []byte("cursors")

	VersionKey = []byte("format")
	SearchKey  = []byte("boot")
)

// Buckets returns the names of all buckets of a store.
func Buckets() [6][]byte {
	return [...][]byte{MetaBucket, LeasesBucket, OwnersBucket, RunsBucket, BootsBucket, CursorsBucket}
}

// Version is the version of the format that is written. A store that several hosts share has
// SharedVersion instead: programs that know nothing of blocks must not lease from it, and
// reject that version.
//
// Version 1 had no nanoseconds in a record; version 2 had no seals (see package page). A store
// of an earlier version is upgraded by the first transaction that writes; its old records stay as
// they are. The versions of stores that are shared and that are not differ in three bits: one
// that flips makes neither of the other.
const (
	Version       = 3
	SharedVersion = 4
)

// VersionOf returns the version that is written, of a store that is shared or not.
func VersionOf(shared bool) byte {
	if shared {
		return SharedVersion
	}
	return Version
}

// ParseVersion returns the version from the value of [VersionKey], if it is supported.
func ParseVersion(value []byte) (version byte, ok bool) {
	if len(value) != 1 || value[0] < 1 || value[0] > SharedVersion {
		return 0, false
	}
	return value[0], true
}

// ErrVersion returns the error for a version that is not supported.
func ErrVersion(value []byte) error {
	return fmt.Errorf("%w: version %d; this program knows versions 1 to %d", backend.ErrFormat, value, SharedVersion)
}

// ErrNoMetaBucket returns the error for a file that is not a lease store.
func ErrNoMetaBucket() error {
	return fmt.Errorf("%w: bucket %q is missing", backend.ErrFormat, MetaBucket)
}
