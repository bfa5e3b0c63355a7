// Package live serves a page to browsers, read-only, and refreshes it.
//
// # Who can read it
//
// There is no password: every process that can connect can read the page. So a name in the Host header
// has to be one that the operator has given: a web site that makes its own name point to this
// machine (DNS rebinding) gets nothing. Other sites cannot frame or embed the page, and a browser runs
// no script but the page's own (the Policy of package page).
//
// # What it costs
//
// However many browsers ask, the networks are read once in [Interval], and for at most a tenth of the
// time. The time for which a lock is waited for costs nothing, so it does not count: a page that says that
// a store is locked would be shown for long after it is not.
package live

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Interval is how old a page can be before it is made again.
const Interval = 2 * time.Second

// A Server serves one page at /.
type Server struct {
	// Write writes the page. It is not called concurrently.
	Write func(context.Context, *bytes.Buffer) error

	// Waited says for how long all calls of Write together have waited for others; nil means never.
	Waited func() time.Duration

	// Policy is the Content-Security-Policy of the page.
	Policy string

	// Names are the names in Host headers that are accepted, in lower case. IP addresses and
	// localhost always are.
	Names []string

	mu    sync.Mutex
	page  []byte
	until time.Time // when page is to be made again
}

// Serve answers requests until ctx ends. It closes the listener.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := http.Server{
		Handler: s, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 2 * time.Minute,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10, DisableGeneralOptionsHandler: true,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	stop := context.AfterFunc(ctx, func() {
		ending, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		if server.Shutdown(ending) != nil {
			_ = server.Close() // The process ends; answers under way are cut off.
		}
	})
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// ServeHTTP answers GET and HEAD of /.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", s.Policy+"; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	switch {
	case !s.accepts(r.Host):
		http.Error(w, "this name is not known here: use the address, or start the server with --name", http.StatusMisdirectedRequest)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "this page is read-only", http.StatusMethodNotAllowed)
	case r.URL.Path != "/":
		http.NotFound(w, r)
	default:
		s.serve(w, r)
	}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	page, err := s.current(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(page)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(page) // The browser has gone away.
	}
}

// current returns the page, made again if it is too old. It is made for all that ask, so it does not
// end with the request that happened to come first.
func (s *Server) current(ctx context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	began, waited := time.Now(), s.waited()
	if s.page != nil && began.Before(s.until) {
		return s.page, nil
	}
	var b bytes.Buffer
	if err := s.Write(context.WithoutCancel(ctx), &b); err != nil {
		return nil, err
	}
	const share = 10
	worked := time.Since(began) - (s.waited() - waited)
	s.page, s.until = b.Bytes(), time.Now().Add(max(Interval, (share-1)*worked))
	return s.page, nil
}

func (s *Server) waited() time.Duration {
	if s.Waited == nil {
		return 0
	}
	return s.Waited()
}

// accepts reports whether a Host header names this server: see the package comment.
func (s *Server) accepts(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	if _, err := netip.ParseAddr(name); err == nil || name == "localhost" {
		return true
	}
	for _, known := range s.Names {
		if name == known {
			return true
		}
	}
	return false
}

// Listen listens on a TCP address, and reports whether only this machine can connect to it.
func Listen(address string) (l net.Listener, onlyHere bool, err error) {
	l, err = net.Listen("tcp", address)
	if err != nil {
		return nil, false, fmt.Errorf("cannot listen: %w", err)
	}
	at, ok := l.Addr().(*net.TCPAddr)
	return l, ok && at.IP.IsLoopback(), nil
}
