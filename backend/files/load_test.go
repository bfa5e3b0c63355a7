package files_test

import (
	"context"
	"testing"

	"github.com/leasehold/leasehold/backend/backendtest"
	"github.com/leasehold/leasehold/backend/files"
)

func TestCreate(t *testing.T) {
	backendtest.RunCreate(t, backendtest.Options{
		Open:       open,
		Persistent: true,
		Check: func(path string) error {
			s, err := files.Open(path)
			if err != nil {
				return err
			}
			return s.Verify(context.Background())
		},
	}, files.Create)
}
