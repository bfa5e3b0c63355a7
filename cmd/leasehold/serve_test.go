package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/flock"
)

// A server shows what is there now, and ends when it is told to.
func TestServe(t *testing.T) {
	t.Parallel()
	dir, url, stop := serve(t)
	page := get(t, url, "")
	require.Contains(t, page, "net, 10.1.0.0/28: 0 of 13 addresses leased")
	require.Contains(t, page, "Live, read")
	require.Contains(t, get(t, url, "node-1:8099"), "Live, read")
	require.Contains(t, get(t, url, "evil.example"), "this name is not known here")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "net", "10.1.0.2"), []byte("c1\r\neth0"), 0o600))
	eventually(t, url, "1 of 13 addresses leased")
	stop()
}

// The page is read again soon after a lock was released, however long it has waited for that.
func TestServeAfterALock(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for some seconds; live has a test in simulated time")
	}
	dir, url, stop := serve(t)
	lock, err := os.OpenFile(filepath.Join(dir, "net", "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	require.NoError(t, err)
	require.NoError(t, flock.Exclusive(t.Context(), lock))
	eventually(t, url, "store is locked")
	require.NoError(t, lock.Close())
	released := time.Now()
	eventually(t, url, "0 of 13 addresses leased")
	require.Less(t, time.Since(released), 12*time.Second, "18 s if waiting counted")
	stop()
}

// serve serves the page of a network in a new data directory until stop.
func serve(t *testing.T) (dir, url string, stop func()) {
	t.Helper()
	dir = t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "net"), 0o755))
	conf := filepath.Join(dir, "net.conf")
	require.NoError(t, os.WriteFile(conf, []byte(`{"cniVersion": "1.0.0", "name": "net", "type": "bridge",
		"ipam": {"type": "host-local", "subnet": "10.1.0.0/28", "dataDir": "`+dir+`"}}`), 0o600))
	out, in := io.Pipe()
	var errs strings.Builder
	tool := tool{in: strings.NewReader(""), out: in, errs: &errs, getenv: func(string) string { return "" }, now: time.Now}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- tool.run(ctx, []string{"serve", "--conf", conf, "--data-dir", dir, "--listen", "127.0.0.1:0", "--name", "Node-1", "--lock-timeout", "2s"})
		in.Close()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	return dir, strings.TrimSpace(line), func() {
		t.Helper()
		cancel()
		select {
		case status := <-ended:
			require.Equal(t, cli.StatusOK, status)
		case <-time.After(time.Minute):
			t.Fatal("it does not end")
		}
		require.Empty(t, errs.String())
	}
}

// eventually waits until the page shows a text.
func eventually(t *testing.T, url, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(get(t, url, ""), text) }, time.Minute, 100*time.Millisecond)
}

// get returns an answer to a browser that uses a name for the server.
func get(t *testing.T, url, name string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	r.Host = name
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return string(text)
}
