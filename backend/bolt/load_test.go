package bolt_test

import (
	"context"
	"testing"

	"github.com/leasehold/leasehold/backend/backendtest"
	"github.com/leasehold/leasehold/backend/bolt"
)

func TestCreate(t *testing.T) {
	backendtest.RunCreate(t, backendtest.Options{
		Open:         open,
		Persistent:   true,
		KeepsDetails: true,
		Check:        func(path string) error { return bolt.Open(path).Verify(context.Background()) },
	}, bolt.Create)
}
