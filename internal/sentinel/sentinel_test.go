package sentinel_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/sentinel"
)

func TestKind(t *testing.T) {
	parent := errors.New("busy")
	one, other := sentinel.Kind(parent, "twice"), sentinel.Kind(parent, "twice")
	require.ErrorIs(t, one, parent)
	require.ErrorIs(t, one, one) //nolint:testifylint // It is a value to compare with.
	require.NotErrorIs(t, one, other)
	require.EqualError(t, one, fmt.Errorf("%w: twice", parent).Error())
}
