package fuzz_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/internal/config"
)

// FuzzParse checks that no configuration and no CNI_ARGS make a parser panic, that every
// error has a kind and advice, that accepted values are usable, and that a network is
// always in its data directory.
//
// Package config has other targets for the input of GC and CHECK.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"name": "net", "ipam": {"subnet": "10.1.2.0/24"}}`), "")
	f.Add([]byte(`{"cniVersion": "1.1.0", "name": "net", "type": "bridge", "ipam": {"type": "host-local", "backend": "bolt",
		"ranges": [[{"subnet": "10.0.0.0/24", "exclude": ["10.0.0.7"]}], [{"subnet": "fd00::/64"}]],
		"routes": [{"dst": "0.0.0.0/0"}]}}`), "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0")
	f.Fuzz(func(t *testing.T, stdin []byte, args string) {
		c, err := config.Parse(stdin, args)
		n, networkErr := config.ParseNetwork(stdin)
		checkError(t, stdin, err)
		checkError(t, stdin, networkErr)
		if networkErr == nil {
			checkNetwork(t, n)
		}
		if err != nil {
			if c != nil {
				t.Fatalf("both a configuration and an error: %v", err)
			}
			return
		}
		if networkErr != nil || n != c.Network {
			t.Fatalf("ADD reads %+v, and DEL would read %+v, %v", c.Network, n, networkErr)
		}
		checkConfig(t, c)
	})
}

func checkError(t *testing.T, stdin []byte, err error) {
	if err == nil {
		return
	}
	var e *config.Error
	if !errors.As(err, &e) || e.Text == "" || e.Advice == "" {
		t.Fatalf("an error without advice: %v", err)
	}
	switch e.Kind {
	case config.ErrInvalid, config.ErrNoRanges, config.ErrArgs: //nolint:errorlint // A Kind is one of these itself.
		if !json.Valid(stdin) {
			t.Fatalf("%v, for invalid JSON", err)
		}
	case config.ErrDecode:
	default:
		t.Fatalf("an error without a kind: %v", err)
	}
}

func checkNetwork(t *testing.T, n config.Network) {
	if n.CNIVersion == "" || n.DataDir == "" || n.LockTimeout <= 0 {
		t.Fatalf("incomplete: %+v", n)
	}
	if n.Backend != "" && n.Backend != config.Files && n.Backend != config.Bolt {
		t.Fatalf("not a backend: %q", n.Backend)
	}
	inside, err := filepath.Rel(n.DataDir, n.Path())
	if err != nil || inside != n.Name || n.Name[0] == '.' || bytes.ContainsAny([]byte(n.Name), "/\\\x00\n") {
		t.Fatalf("network %q in %q is at %q", n.Name, n.DataDir, n.Path())
	}
}

// checkConfig looks at what the plugin relies on without looking again.
func checkConfig(t *testing.T, c *config.Config) {
	if len(c.Pool.Sets()) == 0 {
		t.Fatal("no range set")
	}
	for _, s := range c.Pool.Sets() {
		for _, r := range s.Ranges() {
			checkRange(t, r)
		}
	}
	for i, addr := range c.Requested {
		if !plain(addr) || slices.Contains(c.Requested[:i], addr) {
			t.Fatalf("requested: %v", c.Requested)
		}
	}
	if slices.Contains(c.Routes, nil) {
		t.Fatal("a nil route")
	}
}

func checkRange(t *testing.T, r allocator.Range) {
	for _, span := range r.Spans() {
		inside := r.Subnet().Contains(span.First) && r.Subnet().Contains(span.Last)
		if !plain(span.First) || !plain(span.Last) || !inside || span.Contains(r.Gateway()) {
			t.Fatalf("range %s with gateway %s leases %s", r, r.Gateway(), span)
		}
	}
}

func plain(addr netip.Addr) bool { return addr.IsValid() && addr.Zone() == "" && !addr.Is4In6() }
