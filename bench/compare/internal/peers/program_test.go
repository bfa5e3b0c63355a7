package peers

import (
	"net/netip"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The programs are built once for all tests of them.
func TestPrograms(t *testing.T) {
	programs, err := Build(t.Context(), t.TempDir(), "")
	require.NoError(t, err)
	t.Run("versions", func(t *testing.T) { testVersions(t, programs) })
	t.Run("peak", func(t *testing.T) { testPeak(t, programs) })
	t.Run("all do the same", func(t *testing.T) { testPeers(t, programs) })
	t.Run("exhausted", func(t *testing.T) { testExhausted(t, programs) })
	t.Run("allocate", func(t *testing.T) { testAllocate(t, programs) })
	t.Run("wrong answer", func(t *testing.T) { testWrongAnswer(t, programs) })
}

func testVersions(t *testing.T, programs Programs) {
	config := programs.Config()
	require.Len(t, config, 3)
	require.Regexp(t, `^github\.com/containernetworking/plugins v1\.\d+\.\d+$`, config[0][1])
	require.Regexp(t, `^github\.com/leasehold/leasehold \S+, bbolt v1\S+`, config[1][1])
	out, err := exec.Command(programs.EmptyGo.Path).CombinedOutput()
	require.NoError(t, err)
	require.Empty(t, out)
	require.Empty(t, programs.Linked(BoltBefore))
}

func TestBuildNamesTheCommand(t *testing.T) {
	_, err := Build(t.Context(), "/dev/null", "")
	require.ErrorContains(t, err, "go build")
	require.ErrorContains(t, err, "/dev/null/stock")
}

func testPeak(t *testing.T, programs Programs) {
	out, err := exec.Command(programs.Peak.Path, "/bin/echo", "some output").Output()
	require.NoError(t, err)
	require.Regexp(t, `^some output\n\npeak [1-9][0-9]{2,}\n$`, string(out))
	require.Error(t, exec.Command(programs.Peak.Path, "/bin/false").Run(), "it passes the status on")
	for _, p := range NewLineup(programs, t.TempDir(), subnets("10.0.0.0/24", "fd00::/64"), Stock, Files, Bolt, EmptyGo) {
		bytes, err := p.AddPeak(programs.Peak)
		require.NoError(t, err)
		require.Greater(t, bytes, 1e6, "no Go program needs less")
		require.Equal(t, 1, p.Store.Len())
		require.NoError(t, p.Store.Verify(t.Context()))
		p.Store.Remove(0)
		_, err = p.AddPeak(Program{Path: "/bin/true"})
		require.ErrorContains(t, err, "no peak of memory in the output")
	}
}

// Every plugin answers what was predicted.
func testPeers(t *testing.T, programs Programs) {
	for _, subnets := range [][]netip.Prefix{subnets("10.0.0.0/29"), subnets("10.0.0.0/24", "fd00::/64")} {
		l := NewLineup(programs, t.TempDir(), subnets, Stock, Files, Bolt, EmptyGo)
		require.NoError(t, l.Grow(t.Context(), 3, 1))
		for range 7 { // more than once around the small subnet
			for _, p := range l {
				for _, do := range []func() (time.Duration, error){p.Add, p.Check, p.DeleteOldest} {
					took, err := do()
					require.NoError(t, err)
					require.Positive(t, took)
				}
			}
		}
		for _, p := range l {
			require.Equal(t, 3, p.Store.Len())
		}
		require.NoError(t, l.Verify(t.Context()))
	}
}

func testExhausted(t *testing.T, programs Programs) {
	l := NewLineup(programs, t.TempDir(), subnets("10.0.0.0/29"), Stock, Files, Bolt, EmptyGo)
	require.NoError(t, l.Grow(t.Context(), 5, 1))
	for _, p := range l {
		took, err := p.AddFull()
		require.NoError(t, err)
		require.Positive(t, took)
	}
	for _, p := range l[:3] {
		_, err := p.Add()
		require.ErrorContains(t, err, "no address is left")
		_, err = p.DeleteOldest()
		require.NoError(t, err)
		_, err = p.AddFull()
		require.ErrorContains(t, err, "exit status 0", "the pool is not full")
	}
}

// A plugin that gives another address than the predicted one is not measured but reported.
func testWrongAnswer(t *testing.T, programs Programs) {
	l := NewLineup(programs, t.TempDir(), subnets("10.0.0.0/29"), Files)
	next, _ := l[0].Store.Next()
	require.NoError(t, l[0].Store.Added(next)) // which no plugin did
	_, err := l[0].Add()
	require.ErrorContains(t, err, "ADD of files: want addresses [10.0.0.3], got: {")
	_, err = l[0].Check()
	require.ErrorContains(t, err, "CHECK of files: ")
	require.ErrorContains(t, l.Verify(t.Context()), "is leased to")
}

// A benchmark that does not exist is an error, not a rate.
func testAllocate(t *testing.T, programs Programs) {
	rate, err := programs.Allocate(Memory, t.TempDir(), 8, 100)
	require.NoError(t, err)
	require.Positive(t, rate)
	_, err = programs.Allocate(Stock, t.TempDir(), 8, 100)
	require.ErrorContains(t, err, "no benchmark of stock")
	_, err = programs.Allocate(BoltBefore, t.TempDir(), 8, 100)
	require.Error(t, err)
}

// A program that was not built does not take part.
func TestNewLineup(t *testing.T) {
	programs := Programs{Leasehold: Program{Path: "/ours"}, EmptyGo: Program{Path: "/empty"}}
	l := NewLineup(programs, "/data", subnets("10.0.0.0/29"), Stock, Files, BoltEmpty, EmptyGo, BoltBefore)
	var names, dirs, backends []string
	for _, p := range l {
		names = append(names, p.Name)
		dirs = append(dirs, p.Store.Network.DataDir)
		backends = append(backends, p.Store.Network.Backend)
	}
	require.Equal(t, []string{Files, BoltEmpty, EmptyGo}, names)
	require.Equal(t, []string{"/data/01", "/data/02", ""}, dirs)
	require.Equal(t, []string{"", "bolt", ""}, backends)
	require.ErrorContains(t, l.Grow(t.Context(), 6, 1), "filling the store of files: ")
}
