package bolt

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
)

// TestPageThatCannotBeRead has a mapping of which pages are missing, as after an error of the disk
// or because the file was truncated. What reading the file itself says makes the difference.
func TestPageThatCannotBeRead(t *testing.T) {
	for name, tc := range map[string]struct {
		flag     int // to open the whole file with
		text     string
		isDamage bool
	}{
		"not read": {os.O_WRONLY, "page cannot be read: read ", false},
		"read":     {os.O_RDONLY, "page cannot be read: input/output error, and it can be read again", false},
		"cut":      {-1, "store is damaged", true},
	} {
		t.Run(name, func(t *testing.T) {
			defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // of this goroutine
			s := Open(filepath.Join(t.TempDir(), "net"))
			lease(t, s, 300)
			whole := filepath.Join(t.TempDir(), "whole")
			write(t, whole, read(t, s.path))
			f, err := os.OpenFile(s.path, os.O_RDWR, 0)
			require.NoError(t, err)
			defer f.Close()
			w := &session{store: s, file: f, mode: viewing}
			require.NoError(t, w.guard(w.begin))
			require.NoError(t, f.Truncate(int64(2*os.Getpagesize())))
			if tc.flag >= 0 {
				w.file, err = os.OpenFile(whole, tc.flag, 0)
				require.NoError(t, err)
				defer w.file.Close()
			}
			err = w.guard(func() error {
				return w.leases.ForEach(func(_, _ []byte) error { return nil })
			})
			require.Error(t, err)
			require.Equal(t, err, w.damage, "bbolt is not called any more")
			require.ErrorContains(t, err, s.path+": ")
			require.ErrorContains(t, err, tc.text)
			if tc.isDamage {
				require.ErrorIs(t, err, backend.ErrDamaged)
			} else {
				require.NotErrorIs(t, err, backend.ErrDamaged)
				require.NotContains(t, err.Error(), "nil pointer")
				require.Regexp(t, `page \d+, in use`, err.Error())
			}
		})
	}
}
