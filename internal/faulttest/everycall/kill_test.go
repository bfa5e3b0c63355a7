package everycall

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/faulttest/ptracer"
)

// A stack is single stack (IPv4) or dual stack.
type stack struct {
	name string
	dual bool
}

func stacks() []stack { return []stack{{"single", false}, {"dual", true}} }

// forEachScenario runs fn for each scenario on each kind of store.
func forEachScenario(t *testing.T, stacks []stack, fn func(t *testing.T, s scenario, n faulttest.Network)) {
	requireTracer(t)
	for _, kind := range []string{config.Bolt, config.Files} {
		for _, stack := range stacks {
			for _, s := range scenarios(kind) {
				t.Run(fmt.Sprintf("%s/%s/%s", kind, stack.name, s.name), func(t *testing.T) {
					t.Parallel()
					fn(t, s, faulttest.Network{Dir: faulttest.Dir(t), Backend: kind, Dual: stack.dual})
				})
			}
		}
	}
}

func requireTracer(t *testing.T) {
	t.Helper()
	if !ptracer.Supported {
		t.Skip("the tracer needs Linux on amd64")
	}
	if testing.Short() {
		t.Skip("skipped with -short: takes some seconds, and the race detector does not see the processes")
	}
	faulttest.Shared(t) // once, before the tests run in parallel
}

// TestKill kills each command at each of its calls. A quick run kills only at calls that
// change a file, and a migration, which has many, at some of them.
func TestKill(t *testing.T) {
	match := changesFiles
	if faulttest.Exhaustive() {
		match = anyCall
	}
	var kills atomic.Int32
	t.Cleanup(func() { t.Log(kills.Load(), "kills") })
	forEachScenario(t, stacks(), func(t *testing.T, s scenario, n faulttest.Network) {
		killed, err := s.killEachCall(n, faulttest.Shared(t), match)
		kills.Add(int32(killed))
		require.NoError(t, err)
		require.Equal(t, s.changesStore() || faulttest.Exhaustive(), killed > 0)
	})
}

// killEachCall kills the command at each matching call in turn, or at some: see killStride. It returns the
// number of kills and the first problem.
func (s scenario) killEachCall(n faulttest.Network, p faulttest.Programs, match func(*ptracer.Call) bool) (killed int, err error) {
	dir, stride := n.Dir, s.killStride()
	for i := 1 + rand.IntN(stride); ; i += stride {
		n.Dir = filepath.Join(dir, strconv.Itoa(i))
		a, err := s.attempt(n, p)
		if err != nil {
			return killed, err
		}
		done, err := a.killAtCall(i, match)
		if done || err != nil {
			return killed, err
		}
		killed++
		if err := removeAll(n.Dir); err != nil {
			return killed, err
		}
	}
}

// killStride is the step from one call at which the command is killed to the next. A quick run begins with
// another one each time.
func (s scenario) killStride() int {
	if s.command == migrate && !faulttest.Exhaustive() {
		return 3
	}
	return 1
}

// removeAll removes the files of an attempt. On FUSE, a file that a killed process had open
// stays under another name until the kernel reports it closed.
func removeAll(dir string) error {
	for tried := 0; ; tried++ {
		err := os.RemoveAll(dir)
		if err == nil || !errors.Is(err, fs.ErrExist) || tried == 50 {
			return err
		}
		time.Sleep(time.Duration(tried) * time.Millisecond)
	}
}

// killAtCall kills the command at its nth matching call and checks the store. It is done if
// there are fewer calls.
func (a *attempt) killAtCall(n int, match func(*ptracer.Call) bool) (done bool, err error) {
	defer func() { err = errors.Join(err, a.mount.close()) }()
	enter, matched := atNth(n, match, ptracer.Action{Kill: true})
	err = a.run(ptracer.Hooks{Enter: enter})
	call := matched()
	if call == nil {
		if err == nil {
			err = a.check(allDone)
		}
		return true, err
	}
	if !ptracer.Killed(err) {
		return false, fmt.Errorf("not killed at %v: %w", describe(call), err)
	}
	if err := a.check(allDone | noneDone); err != nil {
		return false, fmt.Errorf("killed at %v: %w", describe(call), err)
	}
	return false, nil
}

func describe(c *ptracer.Call) string {
	if c == nil {
		return "no call"
	}
	return fmt.Sprintf("call %d, %s %s %s", c.N, c.Name, c.Path, c.To)
}
