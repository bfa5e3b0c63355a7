package program_test

import (
	"errors"
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
