package bolt

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/page"
)

// An unreadable returns an error for one part of a file.
type unreadable struct {
	io.ReaderAt
	at int64
}

var errUnread = errors.New("unreadable")

func (u unreadable) ReadAt(b []byte, at int64) (int, error) {
	if at <= u.at && u.at < at+int64(len(b)) {
		return 0, errUnread
	}
	return u.ReaderAt.ReadAt(b, at)
}

// A meta page, or a page of the last transaction, that cannot be read says nothing about which
// transaction is the last.
func TestErrorOfTheDiskIsNoOutcome(t *testing.T) {
	i := interrupt(t, 300, put("10.0.200.1", "new"))
	write(t, i.path, i.after)
	f, err := os.Open(i.path)
	require.NoError(t, err)
	defer f.Close()
	_, size := metaOf(t, i.after)
	parts := []int64{0, size}
	for _, p := range i.written {
		parts = append(parts, int64(p)*size)
	}
	for _, at := range parts {
		file, metas := page.Open(unreadable{f, at}, int64(len(i.after)))
		_, err := file.Outcome(metas)
		require.ErrorIs(t, err, errUnread, "offset %d", at)
	}
}

// A disk that gives neither meta page says nothing about the store.
func TestUnreadableFileIsNotDamaged(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "net"))
	require.NoError(t, s.Update(ctx, put("10.0.0.1", "a")))
	f, err := os.OpenFile(s.path, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer f.Close()
	_, err = inspect(f)
	require.Error(t, err)
	require.NotErrorIs(t, err, backend.ErrDamaged)
	for why, fails := range map[purpose]bool{use: true, examine: false} {
		o, err := outcomeOf(f, why)
		require.Equal(t, fails, err != nil)
		require.Equal(t, page.Unsealed, o)
	}
}

// Only a store of which it is certain what is lost is repaired without a question.
func TestRepairIsUnsureOfTornPages(t *testing.T) {
	i := interrupt(t, 300, put("10.0.200.1", "new"))
	_, size := metaOf(t, i.after)
	content := slices.Clone(i.after)
	torn := i.written[0] * int(size)
	copy(content[torn:][:size], i.before[torn:])
	for p := page.First; p*int(size) < len(content); p++ { // a flipped bit where no key or value is
		if at := (p+1)*int(size) - 1; !slices.Contains(i.written, p) && content[at] == 0 {
			content[at] ^= 1
		}
	}
	write(t, i.path, content)
	s := Open(i.path)
	require.ErrorIs(t, s.Verify(ctx), backend.ErrDamaged)
	require.ErrorIs(t, s.Update(ctx, put("10.1.0.1", "next")), backend.ErrDamaged)
	require.NoError(t, s.Salvage(ctx, func(found Salvage) error {
		require.True(t, found.Unsure)
		return nil
	}))
}
