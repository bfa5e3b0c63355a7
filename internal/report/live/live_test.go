package live_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/report/live"
)

// server returns a server that counts how often its page is made.
func server(made *atomic.Int32) *live.Server {
	return &live.Server{Policy: "default-src 'none'", Names: []string{"node-1"}, Write: func(_ context.Context, b *bytes.Buffer) error {
		made.Add(1)
		b.WriteString("<html>")
		return nil
	}}
}

func ask(s *live.Server, method, host, path string) *http.Response {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, path, strings.NewReader(""))
	r.Host = host
	s.ServeHTTP(w, r)
	return w.Result()
}

// A web site that makes its name point to this machine gets nothing.
func TestHost(t *testing.T) {
	var made atomic.Int32
	s := server(&made)
	for _, host := range []string{"127.0.0.1:8099", "127.0.0.1", "[::1]:8099", "[::1]", "::1", "localhost:8099", "LOCALHOST", "192.0.2.7:80", "node-1:8099", "Node-1."} {
		require.Equal(t, http.StatusOK, ask(s, "GET", host, "/").StatusCode, host)
	}
	for _, host := range []string{"evil.example", "evil.example:8099", "127.0.0.1.evil.example", "localhost.evil.example:8099", "", "node-11", "node-1.evil.example", "127.0.0.1:8099:80"} {
		got := ask(s, "GET", host, "/")
		require.Equal(t, http.StatusMisdirectedRequest, got.StatusCode, host)
		text, err := io.ReadAll(got.Body)
		require.NoError(t, err)
		require.NotContains(t, string(text), "<html>")
	}
}

func TestReadOnly(t *testing.T) {
	var made atomic.Int32
	s := server(&made)
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"} {
		got := ask(s, method, "localhost", "/")
		require.Equal(t, http.StatusMethodNotAllowed, got.StatusCode, method)
		require.Equal(t, "GET, HEAD", got.Header.Get("Allow"))
	}
	for _, path := range []string{"/x", "/../etc/passwd", "/debug/pprof/", "/%2e%2e/"} {
		require.Equal(t, http.StatusNotFound, ask(s, "GET", "localhost", path).StatusCode, path)
	}
	require.Zero(t, made.Load())
	head := ask(s, "HEAD", "localhost", "/")
	require.Equal(t, "6", head.Header.Get("Content-Length"))
	text, err := io.ReadAll(head.Body)
	require.NoError(t, err)
	require.Empty(t, text)
}

// Each answer forbids what a page needs not, errors too.
func TestHeaders(t *testing.T) {
	var made atomic.Int32
	s := server(&made)
	for _, got := range []*http.Response{ask(s, "GET", "localhost", "/"), ask(s, "GET", "evil.example", "/"), ask(s, "POST", "localhost", "/")} {
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
			"Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
		} {
			require.Equal(t, want, got.Header.Get(name), name)
		}
		require.Empty(t, got.Header.Get("Access-Control-Allow-Origin"))
	}
}

// Many browsers cost no more than one.
func TestIsMadeOnce(t *testing.T) {
	var made atomic.Int32
	s := server(&made)
	for range 50 {
		require.Equal(t, http.StatusOK, ask(s, "GET", "localhost", "/").StatusCode)
	}
	require.EqualValues(t, 1, made.Load())
}

// A page that took long to read is shown for nine times as long, but not one that only waited.
func TestWaitingDoesNotCount(t *testing.T) {
	for waits, want := range map[bool]int32{false: 1, true: 2} {
		synctest.Test(t, func(t *testing.T) {
			var made atomic.Int32
			var waited time.Duration
			s := server(&made)
			s.Waited = func() time.Duration { return waited }
			write := s.Write
			s.Write = func(ctx context.Context, b *bytes.Buffer) error {
				const took = time.Second / 2
				time.Sleep(took)
				if waits {
					waited += took
				}
				return write(ctx, b)
			}
			ask(s, "GET", "localhost", "/")
			time.Sleep(live.Interval + time.Second/2)
			ask(s, "GET", "localhost", "/")
			require.Equal(t, want, made.Load())
		})
	}
}

// An error is an answer, and is not kept.
func TestFailure(t *testing.T) {
	fail := true
	s := &live.Server{Write: func(_ context.Context, b *bytes.Buffer) error {
		if fail {
			return errors.New("no configuration")
		}
		return nil
	}}
	got := ask(s, "GET", "localhost", "/")
	require.Equal(t, http.StatusInternalServerError, got.StatusCode)
	fail = false
	require.Equal(t, http.StatusOK, ask(s, "GET", "localhost", "/").StatusCode)
}

func TestServe(t *testing.T) {
	l, onlyHere, err := live.Listen("127.0.0.1:0")
	require.NoError(t, err)
	require.True(t, onlyHere)
	var made atomic.Int32
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server(&made).Serve(ctx, l) }()
	got, err := http.Get("http://" + l.Addr().String() + "/")
	require.NoError(t, err)
	got.Body.Close()
	require.Equal(t, http.StatusOK, got.StatusCode)

	cancel()
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(30 * time.Second):
		t.Fatal("the server does not end")
	}
	_, onlyHere, err = live.Listen("0.0.0.0:0")
	require.NoError(t, err)
	require.False(t, onlyHere)
	_, _, err = live.Listen("nonsense")
	require.ErrorContains(t, err, "cannot listen")
}

// A client that sends its request too slowly is cut off, and one that has its answer and asks for
// nothing more.
func TestSlowClient(t *testing.T) {
	for sent, after := range map[string]time.Duration{
		"":                               5 * time.Second,
		"GET / HTTP/1.1\r\nHost: localh": 5 * time.Second,
		"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n": time.Minute,
	} {
		connected(t, func(t *testing.T, c net.Conn) {
			_, err := io.WriteString(c, sent)
			require.NoError(t, err)
			began := time.Now()
			_, err = io.ReadAll(c)
			require.NoError(t, err, "the server closes the connection")
			require.Equal(t, after, time.Since(began), sent)
		})
	}
}

// Package net/http answers this request itself if it is not told otherwise.
func TestOptionsOfTheServer(t *testing.T) {
	for host, want := range map[string]int{"localhost": http.StatusMethodNotAllowed, "evil.example": http.StatusMisdirectedRequest} {
		connected(t, func(t *testing.T, c net.Conn) {
			_, err := io.WriteString(c, "OPTIONS * HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
			require.NoError(t, err)
			got, err := http.ReadResponse(bufio.NewReader(c), nil)
			require.NoError(t, err)
			require.NoError(t, got.Body.Close())
			require.Equal(t, want, got.StatusCode)
			require.Equal(t, "DENY", got.Header.Get("X-Frame-Options"))
		})
	}
}

// connected calls fn in simulated time, with a connection to a server.
func connected(t *testing.T, fn func(*testing.T, net.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		l := &pipes{clients: make(chan net.Conn), closed: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- server(new(atomic.Int32)).Serve(ctx, l) }()
		ours, theirs := net.Pipe()
		l.clients <- theirs
		fn(t, ours)
		require.NoError(t, ours.Close())
		cancel()
		require.NoError(t, <-ended)
		time.Sleep(time.Minute) // Serve returns before its Shutdown does.
	})
}

// pipes is a listener in simulated time.
type pipes struct {
	clients chan net.Conn
	once    sync.Once
	closed  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.clients:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8099} }
