// Package format has the bytes of a bolt store: the names of its buckets, the version, and
// how keys and records are written and read. docs/formats.md describes them. Everything
// read is validated, so a corrupt file gives errors and never invented leases.
package format

import (
	"bytes"
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
	HistoryBucket = []byte("history")
	LatestBucket  = []byte("latest")
	CoolingBucket = []byte("cooling")
	QueueBucket   = []byte("queue")

	VersionKey = []byte("format")
	SearchKey  = []byte("boot")
)

// Buckets returns the names of all buckets of a store.
func Buckets() [10][]byte {
	return [...][]byte{
		MetaBucket, LeasesBucket, OwnersBucket, RunsBucket, BootsBucket, CursorsBucket, HistoryBucket, LatestBucket,
		CoolingBucket, QueueBucket,
	}
}

// MemoryBuckets returns the names of the buckets without which leases can be released.
func MemoryBuckets() [5][]byte {
	return [...][]byte{HistoryBucket, LatestBucket, PodsBucket, CoolingBucket, QueueBucket}
}

// BucketSince returns the version of the format that first had the bucket.
func BucketSince(name []byte) byte {
	for _, b := range [...][]byte{HistoryBucket, LatestBucket, CoolingBucket, QueueBucket} {
		if bytes.Equal(name, b) {
			return 4
		}
	}
	return 1
}

// Version is the version of the format that is written. A store that several hosts share has
// SharedVersion instead: programs that know nothing of blocks must not lease from it, and
// reject that version.
//
// Version 1 had no nanoseconds in a record, version 2 no seals (see package page), version 3 neither
// a history nor cooling addresses. A store of an earlier version is upgraded by the first transaction
// that writes; its old records stay as they are. SharedVersion differs from each of them in three
// bits or more: one that flips makes neither kind of store of the other.
const (
	Version       = 4
	SharedVersion = 0x70 | Version
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
	if len(value) != 1 {
		return 0, false
	}
	version = value[0]
	return version, version >= 1 && version <= Version || version == SharedVersion
}

// ErrVersion returns the error for a version that is not supported.
func ErrVersion(value []byte) error {
	return fmt.Errorf("%w: version %d; this program knows versions 1 to %d, and %d of stores that hosts share", backend.ErrFormat, value, Version, SharedVersion)
}

// ErrNoMetaBucket returns the error for a file that is not a lease store.
func ErrNoMetaBucket() error {
	return fmt.Errorf("%w: bucket %q is missing", backend.ErrFormat, MetaBucket)
}
