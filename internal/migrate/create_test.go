package migrate

import (
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/exchange"
)

func TestCreate(t *testing.T) {
	for _, kind := range []string{config.Files, config.Bolt} {
		path := filepath.Join(t.TempDir(), "networks", "podnet")
		place := exchange.At(path)
		require.NoError(t, place.MakeDir())
		halfMade(t, place.Staged(kind == config.Files, nil), kind == config.Files)
		n, lost, err := Create(t.Context(), path, sample().content(), options(kind))
		require.NoError(t, err)
		require.Equal(t, 3, n)
		require.Zero(t, lost)
		requireKind(t, kind, path)
		require.Equal(t, sample(), stateOf(t, path))
		require.Empty(t, backups(t, path))

		_, _, err = Create(t.Context(), path, sample().content(), options(config.Bolt))
		require.ErrorIs(t, err, fs.ErrExist)
		requireKind(t, kind, path)
		require.Equal(t, sample(), stateOf(t, path))
	}
}

func TestCreateOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "podnet")
	var all sync.WaitGroup
	var created atomic.Int32
	for i := range 8 {
		all.Go(func() {
			_, _, err := Create(t.Context(), path, sample().content(), options([]string{config.Files, config.Bolt}[i%2]))
			if err == nil {
				created.Add(1)
			} else {
				assert.ErrorIs(t, err, fs.ErrExist)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 1, created.Load())
	require.Equal(t, sample(), stateOf(t, path))
}
