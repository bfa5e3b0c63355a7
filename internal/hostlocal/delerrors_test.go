package hostlocal_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/backend/files"
	"github.com/leasehold/leasehold/internal/hostlocal"
)

// containerd takes a DEL that fails for one that has worked if its text has one of these
// phrases, and the lease stays for ever. So no failure of a DEL may have one, whatever the
// kernel, bbolt, a path or the configuration says.
const swallowed = "not found: no such file or directory"

func requireReported(t *testing.T, text string) {
	t.Helper()
	require.NotContains(t, text, "not found")
	require.NotContains(t, text, "no such file or directory")
}

func TestFailingDELIsReported(t *testing.T) {
	good := conf(t.TempDir(), "")
	for name, f := range map[string]struct{ stdin, id, ifName string }{
		"configuration":  {`{"name": "` + swallowed + `"`, "a", "eth0"},
		"network":        {`{"cniVersion": "1.0.0", "name": "` + swallowed + `"}`, "a", "eth0"},
		"version":        {`{"cniVersion": "` + swallowed + `", "name": "net"}`, "a", "eth0"},
		"container ID":   {good, swallowed, "eth0"},
		"interface":      {good, "a", "not found"},
		"data directory": {conf("/dev/null/"+swallowed, ""), "a", "eth0"},
	} {
		t.Run(name, func(t *testing.T) { failsToRelease(t, f.stdin, f.id, f.ifName) })
	}
}

func failsToRelease(t *testing.T, stdin, id, ifName string) {
	t.Helper()
	var out bytes.Buffer
	require.Equal(t, 1, run(&out, stdin, "DEL", id, "CNI_IFNAME="+ifName), out.String())
	requireReported(t, out.String())
}

// A store in a directory of that name fails in each of the ways that it can.
func TestFailingStoreIsReported(t *testing.T) {
	for name, f := range map[string]struct {
		kind string
		harm func(t *testing.T, store string)
	}{
		"locked files": {"files", func(t *testing.T, store string) {
			hold(t, files.Open(store))
		}},
		"locked bolt":    {"bolt", func(t *testing.T, store string) { hold(t, bolt.Open(store)) }},
		"damaged bolt":   {"bolt", write(strings.Repeat(swallowed, 4096))},
		"truncated bolt": {"bolt", write(swallowed)},
		"lock": {"files", func(t *testing.T, store string) {
			require.NoError(t, os.Remove(filepath.Join(store, "lock")))
			require.NoError(t, os.Symlink("missing/lock", filepath.Join(store, "lock")))
		}},
		"other kind": {"files", func(t *testing.T, store string) {
			require.NoError(t, os.Rename(store, store+".old"))
			require.NoError(t, os.Symlink(swallowed, store))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), swallowed)
			require.NoError(t, os.Mkdir(dir, 0o700))
			works(t, conf(dir, `, "backend": "`+f.kind+`"`), "ADD", "a")
			f.harm(t, filepath.Join(dir, "net"))
			failsToRelease(t, conf(dir, `, "lockTimeout": "10ms"`), "a", "eth0")
		})
	}
}

func write(text string) func(*testing.T, string) {
	return func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o600)) }
}

// hold keeps a store locked until the test ends.
func hold(t *testing.T, s backend.Store) {
	held, done, ended := make(chan bool), make(chan bool), make(chan bool)
	go func() {
		defer close(ended)
		err := s.Update(t.Context(), func(backend.Tx) error {
			close(held)
			<-done
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}()
	<-held
	t.Cleanup(func() { close(done); <-ended })
}

// What only the system can say, wherever it is written.
func TestFailingDELWithAnyText(t *testing.T) {
	for _, said := range []string{"x: not found", "bucket not found", "open /x: no such file or directory", "not found not found"} {
		var out, errs bytes.Buffer
		p := hostlocal.Plugin{
			Getenv: func(name string) string { return map[string]string{"CNI_COMMAND": "DEL", "CNI_CONTAINERID": "a"}[name] },
			Stdin:  iotest.ErrReader(errors.New(said)), Stdout: io.MultiWriter(&out, brokenPipe{}), Stderr: &errs,
		}
		require.Equal(t, 1, p.Run())
		for _, text := range []string{out.String(), errs.String()} {
			require.Contains(t, text, "error reading from stdin", said)
			requireReported(t, text)
		}
	}
}
