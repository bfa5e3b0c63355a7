package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/fstype"
	"github.com/leasehold/leasehold/internal/lint"
)

// Locks that mounts do not share are a note, not a problem.
func TestValidateNotesUnsharedLocks(t *testing.T) {
	mounted := filepath.Join(t.TempDir(), "mounted")
	require.NoError(t, os.Mkdir(mounted, 0o755))
	faulttest.Bindfs(t, t.TempDir(), mounted)
	bolt := filepath.Join(mounted, "bolt")
	require.NoError(t, os.Mkdir(bolt, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(bolt, "net"), nil, 0o600))
	for dir, want := range map[string]string{
		filepath.Join(mounted, "networks"): fstype.NoSharedLocksForFiles, bolt: fstype.NoSharedLocks, t.TempDir(): "",
	} {
		conf := t.TempDir()
		text := `{"cniVersion": "1.0.0", "name": "net", "type": "alone", "ipam": {"type": "host-local", "subnet": "10.1.0.0/24", "dataDir": "` + dir + `"}}`
		require.NoError(t, os.WriteFile(filepath.Join(conf, "net.conf"), []byte(text), 0o600))
		var out, errs bytes.Buffer
		tool := tool{
			in: bytes.NewReader(nil), out: &out, errs: &errs, getenv: func(string) string { return "" },
			hostAddrs: func() ([]lint.HostAddr, error) { return nil, nil },
		}
		tool.run(t.Context(), []string{"validate", "net", "--conf-dir", conf, "--cni-path", t.TempDir()})
		require.Equal(t, want != "", bytes.Contains(out.Bytes(), []byte("host-local: note: ")), "%s%s", &out, &errs)
		if want != "" {
			require.Contains(t, out.String(), "host-local: note: "+dir+": "+want)
		}
	}
}
