package everycall

import (
	"errors"
	"fmt"
	"math/rand/v2"
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
	"github.com/leasehold/leasehold/internal/hostlocal"
)

// A fault is a way in which system calls fail.
type fault struct {
	name   string
	action func(*ptracer.Call) ptracer.Action
	calls  []string
	// harmless means that the program must cope: the command succeeds.
	harmless bool
	// once excludes failing all calls from the nth on: the program would retry forever.
	once bool
	// local leaves alone the calls on what is outside of the data directory.
	local bool
}

func failWith(errno syscall.Errno) func(*ptracer.Call) ptracer.Action {
	return func(*ptracer.Call) ptracer.Action { return ptracer.Action{Errno: errno} }
}

// faults lists which calls can fail and how, according to their manual pages.
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
		{"ENOSPC", failWith(syscall.ENOSPC), slices.Concat(writes, names, lengths, opens), false, false, false},
		{"EIO", failWith(syscall.EIO), slices.Concat(writes, names, removals, lengths, syncs, opens, reads, []string{"flock", "fchmod"}), false, false, false},
		{"EMFILE", failWith(syscall.EMFILE), opens, false, false, false},
		{"EINTR", failWith(syscall.EINTR), slices.Concat([]string{"write", "pwrite64", "read"}, opens, lengths), true, true, false},
		// bbolt tries its flock once: the process holds that lock already, so no file
		// system makes it wait.
		{"EINTR", failWith(syscall.EINTR), []string{"flock"}, false, true, false},
		{"short write", func(c *ptracer.Call) ptracer.Action { return ptracer.Action{Short: (c.Size + 1) / 2} }, writes, true, false, false},
	}
}

// applies reports whether the fault applies to a call. Files that the Go runtime reads
// before main are left alone.
func (f fault) applies(c *ptracer.Call) bool {
	return slices.Contains(f.calls, c.Name) && !strings.HasPrefix(c.Path, "/proc/") &&
		!strings.HasPrefix(c.Path, "/sys/")
}

// TestFault makes each call of each command fail in each way: only this call, or also all
// that follow.
func TestFault(t *testing.T) {
	var faulty atomic.Int32
	t.Cleanup(func() { t.Log(faulty.Load(), "faults") })
	few := stacks()[1:] // dual stack makes all calls that single stack makes
	if faulttest.Exhaustive() {
		few = stacks()
	}
	forEachScenario(t, few, func(t *testing.T, s scenario, n faulttest.Network) {
		for _, f := range faults() {
			failures, err := s.failEachCall(n, faulttest.Shared(t), f, false)
			faulty.Add(int32(failures))
			require.NoError(t, err, "one call")
			if !f.once {
				failures, err = s.failEachCall(n, faulttest.Shared(t), f, true)
				faulty.Add(int32(failures))
				require.NoError(t, err, "all calls from there on")
			}
		}
	})
}

// failEachCall makes each call fail in turn. It returns how many did, and the first
// problem.
func (s scenario) failEachCall(n faulttest.Network, p faulttest.Programs, f fault, lasting bool) (failures int, err error) {
	dir, stride := n.Dir, s.stride()
	for i := 1 + rand.IntN(stride); ; i += stride {
		n.Dir = filepath.Join(dir, strconv.Itoa(i))
		a, err := s.attempt(n, p)
		if err != nil {
			return failures, err
		}
		call, err := a.failAtCall(i, f, lasting)
		if err != nil {
			return failures, fmt.Errorf("%s at %s: %w", f.name, describe(call), err)
		}
		if err := os.RemoveAll(n.Dir); err != nil || call == nil {
			return failures, err
		}
		failures++
	}
}

// stride returns the step from one tested call to the next. A quick run skips some, and begins with another
// one each time.
func (s scenario) stride() int {
	switch {
	case faulttest.Exhaustive():
		return 1
	case s.command == migrate:
		return 23
	}
	return 5
}

// failAtCall makes the nth matching call fail, and all later ones if the fault is lasting.
// It returns the nth call.
func (a *attempt) failAtCall(n int, f fault, lasting bool) (first *ptracer.Call, err error) {
	defer func() { err = errors.Join(err, a.mount.close()) }()
	a.full = f.name == "ENOSPC"
	seen := 0
	answer := a.run(ptracer.Hooks{Enter: func(c *ptracer.Call) ptracer.Action {
		if !f.applies(c) || f.local && !strings.HasPrefix(c.Path, a.network.Dir) {
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
		return first, a.check(allDone)
	case f.harmless:
		return first, fmt.Errorf("want no error: %w", answer)
	case errors.Is(answer, errNoAnswer) && !lasting: // A lasting fault can also hit the write of the answer.
		return first, answer
	}
	if err := errors.Join(a.checkNamed(first, answer, lasting), a.checkNotDamaged(f, answer), a.check(a.allowedAfterError(lasting))); err != nil {
		return first, fmt.Errorf("%w; the command answered: %w", err, answer)
	}
	return first, nil
}

// checkNotDamaged checks that the error of a plugin that could not read a store does not say that the
// store is damaged.
func (a *attempt) checkNotDamaged(f fault, answer error) error {
	if code := faulttest.Code(answer); f.local && code == hostlocal.CodeDamaged {
		return fmt.Errorf("the code is %d for a disk that cannot read", code)
	}
	return nil
}

// checkNamed checks that the error of a plugin names the store, or the file in it, whose call
// failed, and says so if that was a sync.
func (a *attempt) checkNamed(c *ptracer.Call, answer error, lasting bool) error {
	path := a.network.Path()
	if c == nil || lasting || a.command == migrate || !strings.HasPrefix(c.Path, path) {
		return nil
	}
	for _, name := range []string{path, "sync"} {
		if (name == path || strings.HasSuffix(c.Name, "sync")) && !strings.Contains(answer.Error(), name) {
			return fmt.Errorf("the error does not name %s", name)
		}
	}
	return nil
}

// allowedAfterError returns the outcomes that are allowed after an error. A failed ADD must
// have done nothing, unless a lasting fault also breaks the rollback. A GC continues after
// an error (CNI SPEC, section 2, GC).
func (a *attempt) allowedAfterError(lasting bool) outcomes {
	switch {
	case a.command == "GC":
		return partlyDone
	case a.effect.adds && !lasting:
		return noneDone
	}
	return noneDone | allDone
}
