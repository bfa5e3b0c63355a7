package machine

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDescribe(t *testing.T) {
	m := Describe()
	require.Positive(t, m.Cores)
	for _, text := range []string{m.CPU, m.Memory, m.Kernel, m.Go} {
		require.NotEmpty(t, text)
		require.Contains(t, m.String(), text)
	}
	require.NotEmpty(t, FileSystemOf(t.TempDir()).Type)
}

func TestCPUModel(t *testing.T) {
	require.Equal(t, "Some CPU @ 2.4GHz", cpuModel("processor\t: 0\nmodel\t\t: 1\nmodel name\t: Some CPU @ 2.4GHz\n\nprocessor\t: 1\n"))
	require.Equal(t, unknown, cpuModel("processor\t: 0\nBogoMIPS\t: 50.00\n"))
	require.Equal(t, unknown, cpuModel(""))
}

func TestMemory(t *testing.T) {
	require.Equal(t, "23.5 GiB", memory("MemTotal:       24684096 kB\nMemFree:          415744 kB\n"))
	require.Equal(t, "unknown memory", memory(""))
}

func TestFileSystem(t *testing.T) {
	const mountinfo = `27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
28 27 0:40 / /var rw - tmpfs tmpfs rw
29 27 0:41 / /var/lib rw shared:1 master:2 - btrfs /dev/vdb rw
30 27 0:42 / /mnt/with\040space rw - xfs /dev/vdc rw
31 27 0:43 / /var rw - overlay overlay rw
`
	for dir, want := range map[string]string{
		"/":                   "ext4 on /dev/vda",
		"/home":               "ext4 on /dev/vda",
		"/var":                "overlay on overlay",
		"/var/lib/cni":        "btrfs on /dev/vdb",
		"/var/library":        "overlay on overlay",
		"/variable":           "ext4 on /dev/vda",
		"/mnt/with space/dir": "xfs on /dev/vdc",
	} {
		require.Equal(t, want, fileSystem(mountinfo, dir).String(), dir)
	}
	require.Equal(t, unknown, fileSystem("", "/").Type)
}
