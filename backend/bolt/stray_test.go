package bolt

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is left of a store, whatever it has lost, does not count as a stray file.
func TestStray(t *testing.T) {
	o := newOriginal(t, newRand(t), 20, true)
	whole, page := o.image, o.pageSize
	noMetas := bytes.Clone(whole)
	clear(noMetas[:2*page])
	for name, c := range map[string]struct {
		content []byte
		stray   bool
	}{
		"a store":           {whole, false},
		"without its metas": {noMetas, false},
		"its first bytes":   {whole[:10], false},
		"without a byte":    {whole[1:], false},
		"without a sector":  {whole[512:], false},
		"empty":             {nil, false},
		"zeros":             {make([]byte, 3*page), false},
		"a text":            {[]byte("of the admin\n"), true},
		"a long text":       {bytes.Repeat([]byte("all work and no play\n"), page), true},
	} {
		require.NoError(t, os.WriteFile(o.path, c.content, 0o600))
		require.Equal(t, c.stray, IsStray(o.path), name)
	}
	require.False(t, IsStray(o.path+".none"))
}
