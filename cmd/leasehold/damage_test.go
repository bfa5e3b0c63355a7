package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/internal/cli"
)

// An operator runs the tool within the test.
type operator struct {
	*testing.T
	dir string
}

func newOperator(t *testing.T) operator {
	o := operator{t, t.TempDir()}
	conf := fmt.Sprintf(`{"cniVersion": "1.1.0", "name": "podnet", "type": "bridge",
		"ipam": {"type": "host-local", "subnet": "10.0.0.0/16", "dataDir": %q}}`, o.dir)
	require.NoError(t, os.WriteFile(o.conf(), []byte(conf), 0o600))
	return o
}

func (o operator) conf() string  { return filepath.Join(o.dir, ".conf") }
func (o operator) store() string { return filepath.Join(o.dir, "podnet") }

// run runs the tool and returns its exit status and output. The test fails if the tool hangs.
func (o operator) run(stdin string, args ...string) (status int, text string) {
	var out bytes.Buffer
	t := tool{
		in: strings.NewReader(stdin), out: &out, errs: &out, now: time.Now,
		getenv: func(string) string { return "" },
	}
	done := make(chan int, 1)
	go func() { done <- t.run(context.Background(), append([]string{"--conf", o.conf()}, args...)) }()
	select {
	case status = <-done:
		return status, out.String()
	case <-time.After(time.Minute):
		o.Fatalf("leasehold %v hangs", args)
		return 0, ""
	}
}

// damages returns functions that damage a file at random places, by name.
func damages(r *rand.Rand) map[string]func([]byte) []byte {
	page := os.Getpagesize()
	somePage := func(b []byte) []byte { return b[page*r.IntN(len(b)/page):][:page] }
	return map[string]func([]byte) []byte{
		"a bit flipped": func(b []byte) []byte { b[r.IntN(len(b))] ^= 1 << r.IntN(8); return b },
		"many bits flipped": func(b []byte) []byte {
			for range 200 {
				b[r.IntN(len(b))] ^= 1 << r.IntN(8)
			}
			return b
		},
		"a page zeroed":        func(b []byte) []byte { clear(somePage(b)); return b },
		"a page over another":  func(b []byte) []byte { copy(somePage(b), somePage(b)); return b },
		"the metas zeroed":     func(b []byte) []byte { clear(b[:2*page]); return b },
		"truncated":            func(b []byte) []byte { return b[:r.IntN(len(b))] },
		"truncated to nothing": func([]byte) []byte { return nil },
		"a page of random bytes": func(b []byte) []byte {
			p := somePage(b)
			for i := range p {
				p[i] = byte(r.Uint32())
			}
			return b
		},
	}
}

// However a bolt file is damaged, every command either works or reports the damage, and
// verify --repair produces an intact store.
func TestDamage(t *testing.T) {
	needsDefaultDataDir(t)
	rounds := 3
	if testing.Short() {
		rounds = 1
	}
	if os.Getenv("LEASEHOLD_EXHAUSTIVE") != "" {
		rounds = 500
	}
	o := newOperator(t)
	intact := boltFile(t, o.store(), 400)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for round := range rounds {
		for name, damage := range damages(r) {
			damaged := damage(bytes.Clone(intact))
			require.NoError(t, os.WriteFile(o.store(), damaged, 0o600))
			for _, c := range commands() {
				status, text := o.run("c1\n", c...)
				if status == cli.StatusError {
					require.Regexp(t, "podnet: .*(store is damaged|unknown store format)", text, "%s, round %d: leasehold %v", name, round, c)
					require.Contains(t, text, "\nnext: ", "%s: leasehold %v", name, c)
				}
				require.NotContains(t, text, "goroutine", "%s: leasehold %v", name, c)
			}
			before, err := os.ReadFile(o.store())
			require.NoError(t, err)
			status, text := o.run("", "verify", "--repair", "podnet")
			if status == cli.StatusError && strings.Contains(text, "nothing was changed") {
				after, err := os.ReadFile(o.store())
				require.NoError(t, err)
				require.Equal(t, before, after)
				status, text = o.run("", "verify", "--repair", "--accept-loss", "podnet")
			}
			if status == cli.StatusError && strings.Contains(text, "podnet: unknown store format: version") {
				continue // The damage is in the version, so the file looks like one of a later version.
			}
			requireRepaired(t, name, status, text)
			status, text = o.run("", "verify", "podnet")
			requireRepaired(t, name, status, text)
			status, text = o.run("", "list", "podnet")
			require.Equal(t, cli.StatusOK, status, "%s: %s", name, text)
			require.NoError(t, os.RemoveAll(filepath.Join(o.dir, ".leasehold")))
		}
	}
}

// requireRepaired checks what verify says of a repaired store. A flipped bit can turn an address
// of an index into one outside every range, which a repair keeps leased and verify reports.
func requireRepaired(t *testing.T, damage string, status int, text string) {
	t.Helper()
	if status == cli.StatusOK {
		return
	}
	require.Equal(t, cli.StatusNo, status, "%s: %s", damage, text)
	for line := range strings.Lines(text) {
		require.Regexp(t, `^(podnet: repaired: |podnet: .*lost-in-repair.* in no range |next: )`, line, damage)
	}
}

// commands returns the commands that read a store, with arguments that do not change it.
func commands() [][]string {
	return [][]string{
		{"list", "podnet"}, {"who", "10.0.0.9"}, {"usage", "podnet"}, {"map", "podnet"}, {"why-full", "podnet"},
		{"verify", "podnet"}, {"release", "podnet", "10.0.0.9", "--dry-run"}, {"release", "podnet", "--container", "c9", "--dry-run"},
		{"gc", "podnet", "--valid", "-", "--dry-run"}, {"migrate", "podnet", "--to", "files", "--dry-run"},
		{"export", "podnet"}, {"metrics", "podnet"},
	}
}

// boltFile makes a bolt store with one transaction per lease, as plugins do, and returns the
// content of its file.
func boltFile(t *testing.T, path string, leases int) []byte {
	store := bolt.Open(path)
	addr := netip.MustParseAddr("10.0.0.1")
	for i := range leases {
		addr = addr.Next()
		require.NoError(t, store.Update(t.Context(), func(tx backend.Tx) error {
			l := backend.Lease{Addr: addr, Owner: backend.Owner{ContainerID: fmt.Sprint("c", i), IfName: "eth0"}, Since: time.Unix(1_700_000_000, 0)}
			if i%7 == 6 {
				if err := tx.Delete(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})); err != nil {
					return err
				}
			}
			return tx.Put(l)
		}))
	}
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return content
}
