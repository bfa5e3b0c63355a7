package program_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/program"
)

func TestFloors(t *testing.T) {
	b := program.Builder{Dir: t.TempDir()}
	inGo, err := b.EmptyGo(t.Context())
	require.NoError(t, err)
	require.Contains(t, inGo.Version, "github.com/leasehold/leasehold/bench/compare")
	requireSilent(t, inGo)

	inC, err := b.EmptyC(t.Context())
	if errors.Is(err, program.ErrNoCompiler) {
		t.Skip("no C compiler is installed")
	}
	require.NoError(t, err)
	require.NotEmpty(t, inC.Version)
	requireSilent(t, inC)
}

func requireSilent(t *testing.T, p program.Program) {
	out, err := exec.Command(p.Path).CombinedOutput()
	require.NoError(t, err)
	require.Empty(t, out)
}

// Nothing but the lock differs: the build would fail if the two packages had not the
// same functions.
func TestPolling(t *testing.T) {
	b := program.Builder{Dir: t.TempDir()}
	ours, err := b.Leasehold(t.Context())
	require.NoError(t, err)
	polls, err := b.Polling(t.Context())
	require.NoError(t, err)
	require.Equal(t, ours.Version+", with bbolt's way to wait for a lock", polls.Version)

	// The names of functions are in every Go program. Ours waits in one of its own.
	const waits = "github.com/leasehold/leasehold/internal/flock.queue"
	require.True(t, contains(t, ours.Path, waits))
	require.False(t, contains(t, polls.Path, waits))
}

func contains(t *testing.T, path, text string) bool {
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return bytes.Contains(content, []byte(text))
}

func TestPeak(t *testing.T) {
	b := program.Builder{Dir: t.TempDir()}
	peak, err := b.Peak(t.Context())
	if errors.Is(err, program.ErrNotLinux) {
		t.Skip(err)
	}
	require.NoError(t, err)
	out, err := exec.Command(peak.Path, "/bin/echo", "some output").Output()
	require.NoError(t, err)
	require.Regexp(t, `^some output\n\n[1-9][0-9]{2,}\n$`, string(out))
	require.Error(t, exec.Command(peak.Path, "/bin/false").Run(), "the status is that of the program")
}

func TestPrograms(t *testing.T) {
	s := program.Set{Stock: program.Program{Name: "stock", Path: "/stock"}, EmptyC: program.Program{}}
	require.Equal(t, []program.Program{s.Stock}, s.Programs())
}

// The version is that of the module, not of what happens to build it.
func TestStock(t *testing.T) {
	p, err := program.Builder{Dir: t.TempDir()}.Stock(t.Context())
	require.NoError(t, err)
	require.Regexp(t, `^github\.com/containernetworking/plugins v1\.\d+\.\d+$`, p.Version)
}

func TestBuildSaysWhatIsWrong(t *testing.T) {
	_, err := program.Builder{Dir: "/dev/null"}.EmptyGo(t.Context())
	require.ErrorContains(t, err, "go build")
	require.ErrorContains(t, err, "/dev/null/empty-go")
}
