package everycall

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/faulttest/ptracer"
)

// A fault is what system calls can meet with.
type fault struct {
	name   string
	action func(*ptracer.Call) ptracer.Action
	calls  []string
	// harmless is one that a program is to cope with: nothing fails.
	harmless bool
	// once is one after which the call is repeated until it has gone.
	once bool
}

func fails(errno syscall.Errno) func(*ptracer.Call) ptracer.Action {
	return func(*ptracer.Call) ptracer.Action { return ptracer.Action{Errno: errno} }
}

// faults returns which calls fail how, as the manual has it.
func faults() []fault {
	writes := []string{"write", "pwrite64", "writev", "pwritev"}
	names := []string{"rename", "renameat", "renameat2", "link", "linkat", "mkdir", "mkdirat"}
	removals := []string{"unlink", "unlinkat", "rmdir"}
	lengths := []string{"ftruncate", "fallocate"}
	syncs := []string{"fsync", "fdatasync", "syncfs"}
	reads := []string{"read", "pread64", "getdents64", "fstat", "newfstatat", "statx"}
	opens := []string{"open", "openat"}
	if !faulttest.Exhaustive() {
		reads = nil
	}
	return []fault{
		{"ENOSPC", fails(syscall.ENOSPC), slices.Concat(writes, names, lengths, opens), false, false},
		{"EIO", fails(syscall.EIO), slices.Concat(writes, names, removals, lengths, syncs, opens, reads, []string{"flock", "fchmod"}), false, false},
		{"EMFILE", fails(syscall.EMFILE), opens, false, false},
		{"EINTR", fails(syscall.EINTR), slices.Concat([]string{"write", "pwrite64", "read"}, opens, lengths), true, true},
		// bbolt asks once, for a lock that the process has; no file system here lets it wait.
		{"EINTR", fails(syscall.EINTR), []string{"flock"}, false, true},
		{"short write", func(c *ptracer.Call) ptracer.Action { return ptracer.Action{Short: (c.Size + 1) / 2} }, writes, true, false},
	}
}

// of reports whether a call is one that the fault is for. What the runtime of Go reads
// before main is left alone.
func (f fault) of(c *ptracer.Call) bool {
	return slices.Contains(f.calls, c.Name) && !strings.HasPrefix(c.Path, "/proc/") &&
		!strings.HasPrefix(c.Path, "/sys/")
}

// TestFault has each call of each command fail in each way, once, and with it all that
// follow.
func TestFault(t *testing.T) {
	var faulty atomic.Int32
	t.Cleanup(func() { t.Log(faulty.Load(), "faults") })
	few := stacks()[1:] // Dual stack makes the calls of single stack, and more.
	if faulttest.Exhaustive() {
		few = stacks()
	}
	each(t, few, func(t *testing.T, s scenario, n faulttest.Network) {
		for _, f := range faults() {
			met, err := s.failAtEach(n, faulttest.Shared(t), f, false)
			faulty.Add(int32(met))
			require.NoError(t, err, "once")
			if !f.once {
				met, err = s.failAtEach(n, faulttest.Shared(t), f, true)
				faulty.Add(int32(met))
				require.NoError(t, err, "and all that follow")
			}
		}
	})
}

// failAtEach returns how often a call failed, and the first thing that was wrong then.
func (s scenario) failAtEach(n faulttest.Network, p faulttest.Programs, f fault, lasting bool) (met int, err error) {
	dir := n.Dir
	for i := 1; ; i += s.stride() {
		n.Dir = filepath.Join(dir, strconv.Itoa(i))
		a, err := s.attempt(n, p)
		if err != nil {
			return met, err
		}
		call, err := a.failAt(i, f, lasting)
		if err != nil {
			return met, fmt.Errorf("%s at %s: %w", f.name, describe(call), err)
		}
		if err := os.RemoveAll(n.Dir); err != nil || call == nil {
			return met, err
		}
		met++
	}
}

// stride returns from which call to which a run goes that is to be quick. An ADD is
// what it must not miss; a migration makes many calls.
func (s scenario) stride() int {
	switch {
	case faulttest.Exhaustive() || s.command == "ADD":
		return 1
	case s.command == migrate:
		return 11
	}
	return 3
}

// failAt has the nth call fail, and perhaps all after it, and returns it.
func (a *attempt) failAt(n int, f fault, lasting bool) (first *ptracer.Call, err error) {
	defer func() { err = errors.Join(err, a.mount.close()) }()
	seen := 0
	answer := a.run(ptracer.Hooks{Enter: func(c *ptracer.Call) ptracer.Action {
		if !f.of(c) {
			return ptracer.Action{}
		}
		if seen++; seen == n {
			first = c
		}
		if seen == n || seen > n && lasting {
			return f.action(c)
		}
		return ptracer.Action{}
	}})
	switch {
	case answer == nil:
		return first, a.check(everything)
	case f.harmless:
		return first, fmt.Errorf("want no error: %w", answer)
	case errors.Is(answer, errNoAnswer) && !lasting: // Otherwise the answer cannot be written.
		return first, answer
	}
	if err := a.check(a.mayHave(lasting)); err != nil {
		return first, fmt.Errorf("%w, after the answer: %w", err, answer)
	}
	return first, nil
}

// mayHave returns what a command that failed may have done. An ADD has done nothing,
// unless what would take it back fails as well. A GC goes on after an error (CNI SPEC,
// section 2, GC).
func (a *attempt) mayHave(lasting bool) allowed {
	switch {
	case a.command == "GC":
		return some
	case a.effect.adds && !lasting:
		return nothing
	}
	return nothing | everything
}
