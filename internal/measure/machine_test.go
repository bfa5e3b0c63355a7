package measure

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMachine(t *testing.T) {
	for _, c := range Machine() {
		require.NotEmpty(t, c[1], c[0])
	}
}

func TestFind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cpuinfo")
	require.NoError(t, os.WriteFile(path, []byte("processor\t: 0\nmodel\t\t: 1\nmodel name\t: Some CPU\n\nmodel name\t: Other\n"), 0o600))
	require.Equal(t, "Some CPU", find(path, `(?m)^model name\s*: (.*)$`))
	require.Equal(t, unknown, find(path, `(?m)^MemTotal: *(.*)$`))
	require.Equal(t, unknown, find(path+"none", `(.+)`))
}

func TestFileSystem(t *testing.T) {
	kind, device := FileSystem("/proc")
	require.Equal(t, "proc proc", kind+" "+device)
	kind, device = FileSystem(filepath.Join(t.TempDir(), "none"))
	require.Equal(t, unknown+" "+unknown, kind+" "+device)
}
