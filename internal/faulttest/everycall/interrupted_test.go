package everycall

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/faulttest/ptracer"
)

// An interruption is a way in which a killed process leaves a store. A container named gone holds
// nothing afterwards, once the next transaction has undone an ADD or finished a DEL.
type interruption struct {
	name    string
	quick   bool // tested with -short, too
	prepare func(faulttest.Network, faulttest.Programs) error
}

func interruptions(backend string) []interruption {
	if backend == config.Files {
		return []interruption{
			{"a transaction to undo", false, killedIn("ADD", removalOf("last_reserved_ip..leasehold-undo"), 1)},
			{"a transaction to finish", false, killedIn("DEL", removalOf("10.0.0."), 1)},
		}
	}
	const seal, receipt = 1, 2 // the writes of a part of a meta page
	return []interruption{
		{"no seal", true, killedIn("ADD", isSectorWrite, seal)},
		{"no seal, after a transaction that was revoked", false, func(n faulttest.Network, p faulttest.Programs) error {
			for range 2 {
				if err := killedIn("ADD", isSectorWrite, seal)(n, p); err != nil {
					return err
				}
				if err := n.Del("nothing"); err != nil {
					return err
				}
			}
			return killedIn("ADD", isSectorWrite, seal)(n, p)
		}},
		{"a seal and not all pages", true, withLostPage},
		{"no receipt", true, killedIn("DEL", isSectorWrite, receipt)},
	}
}

// killedIn kills a command for the container gone at its nth matching call.
func killedIn(command string, match func(*ptracer.Call) bool, nth int) func(faulttest.Network, faulttest.Programs) error {
	return func(n faulttest.Network, p faulttest.Programs) error {
		if command == "DEL" {
			if _, err := n.Add("gone"); err != nil {
				return err
			}
		}
		enter, matched := atNth(nth, match, ptracer.Action{Kill: true})
		_, err := ptracer.Run(n.Command(p.HostLocal, command, "gone", nil), ptracer.Hooks{Enter: enter})
		if !ptracer.Killed(err) {
			return fmt.Errorf("%s was not killed at %s: %w", command, describe(matched()), err)
		}
		return nil
	}
}

// withLostPage leaves a transaction that has a seal, and of which a power cut has lost one page.
func withLostPage(n faulttest.Network, p faulttest.Programs) error {
	before, err := os.ReadFile(n.Path())
	if err != nil {
		return err
	}
	if err := killedIn("ADD", isSectorWrite, 2)(n, p); err != nil {
		return err
	}
	f, err := os.OpenFile(n.Path(), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close() // What was written is read from the cache.
	page := make([]byte, os.Getpagesize())
	for at := 2 * len(page); at+len(page) <= len(before); at += len(page) {
		if _, err := f.ReadAt(page, int64(at)); err != nil {
			return err
		}
		if !bytes.Equal(page, before[at:][:len(page)]) {
			_, err := f.WriteAt(before[at:][:len(page)], int64(at))
			return err
		}
	}
	return errors.New("the transaction has written no page")
}

// isSectorWrite reports whether a call writes the first sector of a meta page: a seal or a receipt.
func isSectorWrite(c *ptracer.Call) bool { return c.Name == "pwrite64" && c.Size == 512 }

// removalOf matches the removal of a file whose name begins with prefix.
func removalOf(prefix string) func(*ptracer.Call) bool {
	return func(c *ptracer.Call) bool {
		return c.Name == "unlinkat" && strings.HasPrefix(filepath.Base(c.Path), prefix)
	}
}

// readFault is a disk that cannot read a file or directory.
func readFault() fault {
	return fault{
		name: "EIO", action: failWith(syscall.EIO),
		calls: []string{"read", "pread64", "getdents64", "fstat", "newfstatat", "statx", "openat"},
		local: true,
	}
}

// TestReadFaultAfterInterruption makes each call fail that reads a store which a killed process has
// left. An exhaustive run lets all calls that follow fail, too.
func TestReadFaultAfterInterruption(t *testing.T) {
	requireTracer(t)
	forEachInterruption(t, func(t *testing.T, s scenario, n faulttest.Network) {
		for _, lasting := range []bool{false, true} {
			if lasting && !faulttest.Exhaustive() {
				break
			}
			failures, err := s.failEachCall(n, faulttest.Shared(t), readFault(), lasting)
			require.NoError(t, err, "lasting: %v", lasting)
			require.Positive(t, failures)
		}
	})
}

func forEachInterruption(t *testing.T, fn func(t *testing.T, s scenario, n faulttest.Network)) {
	for _, kind := range []string{config.Bolt, config.Files} {
		for _, i := range interruptions(kind) {
			for _, s := range scenarios(kind) {
				if !s.testedAfterInterruption(kind) {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%s", kind, i.name, s.name), func(t *testing.T) {
					t.Parallel()
					fn(t, i.before(s, faulttest.Shared(t)), faulttest.Network{Dir: faulttest.Dir(t), Backend: kind, Dual: true})
				})
			}
		}
	}
}

// testedAfterInterruption leaves out in a quick run what begins its transaction as an ADD does, and
// bolt, which TestReadFaultAfterInterruptionQuickly tests.
func (s scenario) testedAfterInterruption(backend string) bool {
	if faulttest.Exhaustive() {
		return !strings.Contains(s.name, "no store")
	}
	return s.name == "ADD" && backend == config.Files
}

// before returns the scenario with a store that was interrupted.
func (i interruption) before(s scenario, p faulttest.Programs) scenario {
	s.prepare = inOrder(s.prepare, func(n faulttest.Network) error { return i.prepare(n, p) })
	return s
}

// TestReadFaultAfterInterruptionQuickly is the same for an ADD to a bolt store. The test itself is
// executed as the plugin, so that nothing has to be built. With -short it is one interruption,
// after which each fault occurs once.
func TestReadFaultAfterInterruptionQuickly(t *testing.T) {
	if !ptracer.Supported {
		t.Skip("the tracer needs Linux on amd64")
	}
	p := faulttest.Programs{HostLocal: os.Args[0]}
	for _, i := range interruptions(config.Bolt) {
		if !i.quick {
			continue
		}
		t.Run(i.name, func(t *testing.T) {
			s := i.before(scenarioNamed(t, config.Bolt, "ADD"), p)
			n := faulttest.Network{Dir: faulttest.Dir(t), Backend: config.Bolt}
			for _, lasting := range []bool{false, true} {
				if lasting && testing.Short() {
					break
				}
				failures, err := s.failEachCall(n, p, readFault(), lasting)
				require.NoError(t, err, "lasting: %v", lasting)
				require.Positive(t, failures)
			}
		})
		if testing.Short() {
			break
		}
	}
}

// TestInterruptions makes sure that the stores are interrupted, and that the next transaction ends
// the transaction that was.
func TestInterruptions(t *testing.T) {
	requireTracer(t)
	p := faulttest.Shared(t)
	for _, kind := range []string{config.Bolt, config.Files} {
		for _, i := range interruptions(kind) {
			t.Run(kind+"/"+i.name, func(t *testing.T) {
				n := faulttest.Network{Dir: faulttest.Dir(t), Backend: kind, Dual: true, Size: size}
				require.NoError(t, usedStore(n))
				require.NoError(t, i.prepare(n, p))
				h, err := n.Verify(context.Background())
				require.NoError(t, err)
				require.Nil(t, h["gone"])
				require.Len(t, h, 2)
			})
		}
	}
}
