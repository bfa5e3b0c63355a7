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

// BucketSince returns the version of the format that first had the bucket.
func BucketSince(name []byte) byte {
	for _, b := range [...][]byte{HistoryBucket, LatestBucket, CoolingBucket, QueueBucket} {
		if bytes.Equal(name, b) {
			return 4
		}
	}
	return 1
}

// Version is the version of the format that is written.
//
// Version 1 had no nanoseconds in a record, version 2 no seals (see package page), version 3 neither
// a history nor cooling addresses. A store of an earlier version is upgraded by the first transaction that writes; its old records stay as
// they are.
const Version = 4

// ParseVersion returns the version from the value of [VersionKey], if it is supported.
func ParseVersion(value []byte) (version byte, ok bool) {
	if len(value) != 1 || value[0] < 1 || value[0] > Version {
		return 0, false
	}
	return value[0], true
}

// ErrVersion returns the error for a version that is not supported.
func ErrVersion(value []byte) error {
	return fmt.Errorf("%w: version %d; this program knows versions 1 to %d", backend.ErrFormat, value, Version)
}

// ErrNoMetaBucket returns the error for a file that is not a lease store.
func ErrNoMetaBucket() error {
	return fmt.Errorf("%w: bucket %q is missing", backend.ErrFormat, MetaBucket)
}
