package everycall

import (
	"errors"
	"fmt"
	"io/fs"
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

// A stack is of both families, or of IPv4 alone.
type stack struct {
	name string
	dual bool
}

func stacks() []stack { return []stack{{"single", false}, {"dual", true}} }

// each runs fn for each scenario on each kind of store.
func each(t *testing.T, stacks []stack, fn func(t *testing.T, s scenario, n faulttest.Network)) {
	needTracer(t)
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

func needTracer(t *testing.T) {
	t.Helper()
	if !ptracer.Supported {
		t.Skip("the tracer is for Linux on amd64")
	}
	if testing.Short() {
		t.Skip("with -short: it takes some seconds, in processes in which no race is detected")
	}
	faulttest.Shared(t) // before many want it
}

// TestKill kills each command at each of its calls: at those that change something, or
// if the run is to be exhaustive at all.
func TestKill(t *testing.T) {
	match := changes
	if faulttest.Exhaustive() {
		match = anyCall
	}
	var kills atomic.Int32
	t.Cleanup(func() { t.Log(kills.Load(), "kills") })
	each(t, stacks(), func(t *testing.T, s scenario, n faulttest.Network) {
		killed, err := s.killAtEach(n, faulttest.Shared(t), match)
		kills.Add(int32(killed))
		require.NoError(t, err)
		require.Equal(t, s.writes() || faulttest.Exhaustive(), killed > 0)
	})
}

// killAtEach returns how often the command was killed, and the first thing that was
// wrong then.
func (s scenario) killAtEach(n faulttest.Network, p faulttest.Programs, match func(*ptracer.Call) bool) (killed int, err error) {
	dir := n.Dir
	for i := 1; ; i++ {
		n.Dir = filepath.Join(dir, strconv.Itoa(i))
		a, err := s.attempt(n, p)
		if err != nil {
			return killed, err
		}
		done, err := a.killAt(i, match)
		if done || err != nil {
			return killed, err
		}
		killed++
		if err := removeAll(n.Dir); err != nil {
			return killed, err
		}
	}
}

// removeAll removes what is left of an attempt. On FUSE, a file that a killed process had
// open is there under another name until the kernel has said that it is closed.
func removeAll(dir string) error {
	for tried := 0; ; tried++ {
		err := os.RemoveAll(dir)
		if err == nil || !errors.Is(err, fs.ErrExist) || tried == 50 {
			return err
		}
		time.Sleep(time.Duration(tried) * time.Millisecond)
	}
}

// killAt has the command be killed at its nth call of those that match, and returns what is
// wrong then. It is done if there are not so many.
func (a *attempt) killAt(n int, match func(*ptracer.Call) bool) (done bool, err error) {
	defer func() { err = errors.Join(err, a.mount.close()) }()
	enter, met := at(n, match, ptracer.Action{Kill: true})
	err = a.run(ptracer.Hooks{Enter: enter})
	call := met()
	if call == nil {
		if err == nil {
			err = a.check(everything)
		}
		return true, err
	}
	if !ptracer.Killed(err) {
		return false, fmt.Errorf("to be killed at %v: %w", describe(call), err)
	}
	if err := a.check(everything | nothing); err != nil {
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
