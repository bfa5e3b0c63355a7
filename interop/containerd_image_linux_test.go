package interop

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// podImage is the image of the pod sandboxes. It serves a page, so that a pod needs no
// other container.
const podImage = "localhost/pod:1"

// imageConfig is the image configuration with the digest of the only layer.
const imageConfig = `{
	"architecture": "amd64", "os": "linux",
	"config": {"Entrypoint": ["/bin/busybox", "httpd", "-f", "-h", "/www"]},
	"rootfs": {"type": "layers", "diff_ids": ["sha256:%x"]}
}`

// writeImage writes the image to a file, in the format of docker save.
func writeImage(t *testing.T, path string) {
	t.Helper()
	root := t.TempDir()
	makeRoot(t, root)
	layer := archive(t, os.DirFS(root))
	dir := t.TempDir()
	for name, text := range map[string][]byte{
		"layer.tar":     layer,
		"config.json":   fmt.Appendf(nil, imageConfig, sha256.Sum256(layer)),
		"manifest.json": fmt.Appendf(nil, `[{"Config": "config.json", "RepoTags": [%q], "Layers": ["layer.tar"]}]`, podImage),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o644))
	}
	require.NoError(t, os.WriteFile(path, archive(t, os.DirFS(dir)), 0o600))
}

func archive(t *testing.T, files fs.FS) []byte {
	t.Helper()
	var text bytes.Buffer
	w := tar.NewWriter(&text)
	require.NoError(t, w.AddFS(files))
	require.NoError(t, w.Close())
	return text.Bytes()
}
