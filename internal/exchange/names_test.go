package exchange

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// For each name of a network, each of its entries has a valid file name, which no other network
// shares, and which is parsed correctly.
func TestNames(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, At(filepath.Join(dir, "any")).MakeDir())
	long := strings.Repeat("n", 300)
	var names []string
	for _, n := range []int{1, 210, 211, 212, 225, 250, 251, 254, 255} {
		names = append(names, long[:n], long[:n-1]+"x")
	}
	now := time.Date(2026, 3, 4, 5, 6, 7, 8e6, time.UTC)
	seen := map[string]string{}
	for _, name := range names {
		p := At(filepath.Join(dir, name))
		backup := p.BackupPath("migration", now)
		for _, path := range []string{
			p.Staged(true, nil), p.Staged(false, nil), p.Staged(true, modified(1<<62)), p.Staged(false, modified(1<<62)),
			backup, backup + nextEnding, Export(backup), p.pathFor(copyEnding), p.pathFor(probeEnding + "2"),
		} {
			require.NoError(t, os.WriteFile(path, nil, 0o600), name)
			require.Empty(t, seen[path], "%s and %s", name, seen[path])
			seen[path] = name
		}
		for _, other := range names {
			o := At(filepath.Join(dir, other))
			for ending, path := range map[string]string{"": backup, nextEnding: backup + nextEnding, exportEnding: Export(backup)} {
				k, ok := o.Parse(filepath.Base(path))
				require.Equal(t, other == name, ok, "%s %s", other, path)
				if ok {
					require.Equal(t, BackupName{"migration", now, ending}, k)
				}
			}
			for _, isDir := range []bool{true, false} {
				got, ok := o.isStaged(filepath.Base(p.Staged(isDir, modified(5))))
				require.Equal(t, other == name, ok)
				require.Equal(t, ok && isDir, got)
			}
		}
	}
}

func TestIsStagedRejectsOtherNames(t *testing.T) {
	p := At("/networks/podnet")
	for _, name := range []string{
		"podnet", "podnet.new", "podnet.new-dir-", "podnet.new-dir-for-", "podnet.new-dir-for-you.new-dir", "podnet.new-dir.new-dir",
		"podnet.new-file.before-migration-20260304T050607.008Z", "podnet2.new-dir", "lock",
	} {
		_, ok := p.isStaged(name)
		require.False(t, ok, name)
	}
}

func TestFit(t *testing.T) {
	require.Equal(t, "net", Fit("net", 211))
	at := strings.Repeat("n", 211)
	require.Equal(t, at, Fit(at, 211))
	require.Len(t, Fit(at+"n", 211), 211)
	require.NotEqual(t, Fit(at+"n", 211), Fit(at+"m", 211))
}

func TestParseRejectsOtherNames(t *testing.T) {
	p := At("/networks/podnet")
	for _, name := range []string{
		"podnet", "podnet.before-", "podnet.before-migration", "podnet.before-migration-", "podnet.before-migration-2026",
		"podnet.before-20260304T050607.008Z", "podnet.before-migration-20260304T050607.008Z.else",
		"podnet2.before-migration-20260304T050607.008Z", "podnet.before-migration-20261304T050607.008Z", "lock",
	} {
		_, ok := p.Parse(name)
		require.False(t, ok, name)
	}
}

// A modified is a FileInfo with nothing but a modification time.
type modified int64

func (m modified) Name() string       { return "" }
func (m modified) Size() int64        { return 0 }
func (m modified) Mode() os.FileMode  { return 0 }
func (m modified) ModTime() time.Time { return time.Unix(0, int64(m)) }
func (m modified) IsDir() bool        { return false }
func (m modified) Sys() any           { return nil }
