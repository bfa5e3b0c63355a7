package simulation

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt"
	"github.com/leasehold/leasehold/backend/memory"
	"github.com/leasehold/leasehold/internal/faulttest"
)

// schedulesEnv is how many schedules of each kind are run; without it only some.
const schedulesEnv = "LEASEHOLD_SCHEDULES"

// A kind is what can happen in a schedule.
type kind struct {
	name string
	Options
}

func kinds() []kind {
	return []kind{
		{"crashes and reboots", Options{}},
		{"evictions", Options{Evict: true}},
		{"copies", Options{Copy: true}},
		{"old stores", Options{SetBack: true}},
		{"restores", Options{Restore: true}},
		{"recoveries", Options{Restore: true, Recover: true}},
		{"leases at entry", Options{Evict: true, Leased: true}},
		{"all but recoveries", Options{Evict: true, Copy: true, SetBack: true, Restore: true}},
		{"all", Options{Evict: true, Copy: true, SetBack: true, Restore: true, Recover: true, Leased: true}},
	}
}

const steps = 1200

func schedules(t *testing.T, otherwise int) int {
	text := os.Getenv(schedulesEnv)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

func TestSchedules(t *testing.T) {
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			k.Steps, k.NewStore = steps, func() backend.Store { return memory.New() }
			c, err := runAll(schedules(t, 300), k.Options)
			require.NoError(t, err)
			require.NotZero(t, c.Leases)
			t.Logf("%+v", c)
		})
	}
}

// The same on bolt, whose transactions a process that is killed leaves in files.
func TestSchedulesOnBolt(t *testing.T) {
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			dir, n := faulttest.Dir(t), atomic.Int64{}
			k.Steps, k.NewStore = steps, func() backend.Store {
				return bolt.Open(filepath.Join(dir, fmt.Sprint(n.Add(1))))
			}
			c, err := runAll(schedules(t, 300)/100, k.Options)
			require.NoError(t, err)
			require.NotZero(t, c.Leases)
			t.Logf("%+v", c)
		})
	}
}

// runAll runs n schedules and adds up what happened.
func runAll(n int, o Options) (sum Counts, err error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	var next atomic.Uint64
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for {
				seed := next.Add(1)
				mu.Lock()
				failed := err != nil
				mu.Unlock()
				if seed > uint64(n) || failed {
					return
				}
				c, runErr := Run(seed, o)
				mu.Lock()
				sum.add(c)
				if runErr != nil && err == nil {
					err = fmt.Errorf("seed %d: %w", seed, runErr)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return sum, err
}

// TestPlanted plants mistakes in the protocol, the allocator and the store. TestSchedules must find
// each of them.
func TestPlanted(t *testing.T) {
	if !faulttest.Exhaustive() {
		t.Skip("skipped without LEASEHOLD_EXHAUSTIVE: builds the test with each mistake, and runs thousands of schedules")
	}
	patches, err := filepath.Glob("testdata/planted/*.patch")
	require.NoError(t, err)
	require.Greater(t, len(patches), 10)
	for _, p := range patches {
		name := strings.TrimSuffix(filepath.Base(p), ".patch")
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			overlay, err := faulttest.Overlaid(dir, faulttest.Patch(p))
			require.NoError(t, err)
			binary := filepath.Join(dir, "test")
			out, err := exec.Command("go", "test", "-c", "-overlay", overlay, "-o", binary, ".").CombinedOutput()
			require.NoError(t, err, "%s", out)
			cmd := exec.Command(binary, "-test.run", "TestSchedules$", "-test.failfast")
			cmd.Env = append(os.Environ(), schedulesEnv+"=20000", "LEASEHOLD_EXHAUSTIVE=")
			out, err = cmd.CombinedOutput()
			require.Error(t, err, "no schedule found the mistake")
			require.Contains(t, string(out), "seed ", "%s", out)
			t.Logf("%s", firstSeed(string(out)))
		})
	}
}

// firstSeed returns the line of the output that says what a schedule has found.
func firstSeed(out string) string {
	_, line, _ := strings.Cut(out, "seed ")
	line, _, _ = strings.Cut(line, "\n")
	return "seed " + line
}
