package page

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckSequence(t *testing.T) {
	of := func(txid uint64) MetaPage { return MetaPage{Meta: Meta{Root: 3, TxID: txid}} }
	lost := MetaPage{Err: errors.New("lost")}
	moved := of(7)
	moved.Root = 4
	for i, c := range []struct {
		first, second MetaPage
		ok            bool
	}{
		{of(0), of(1), true},
		{of(8), of(7), true},
		{of(8), of(9), true},
		{of(7), of(7), true}, // the commit of 8 was revoked
		{of(7), moved, false},
		{of(7), of(6), true}, // copied by Tx.WriteTo
		{of(8), of(6), true}, // and one transaction later
		{of(5), of(7), true},
		{of(6), of(8), false},
		{of(8), of(10), false},
		{of(8), of(5), false},
		{of(8), of(11), false},
		{of(40), of(7), false},
		{lost, of(7), true},
		{of(40), lost, true},
		{lost, lost, true},
	} {
		require.Equal(t, c.ok, MetaPages{c.first, c.second}.CheckSequence() == nil, "case %d", i)
	}
}
