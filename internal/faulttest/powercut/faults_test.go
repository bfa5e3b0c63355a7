//go:build linux

package powercut

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/faulttest/ptracer"
)

// The patches are mistakes that lose data only in a power cut.
func TestPlantedFaultsAreFound(t *testing.T) {
	if !ptracer.Supported || !faulttest.Exhaustive() {
		t.Skip("needs LEASEHOLD_EXHAUSTIVE, Linux and amd64: builds the programs for each fault")
	}
	patches, err := filepath.Glob(string(faulttest.Planted("*")))
	require.NoError(t, err)
	require.NotEmpty(t, patches)
	for _, patch := range patches {
		t.Run(filepath.Base(patch), func(t *testing.T) {
			dir := t.TempDir()
			p, err := faulttest.Build(dir, faulttest.Patch(patch))
			require.NoError(t, err)
			checker, err := faulttest.BuildTest(dir, "./internal/faulttest/powercut", faulttest.Patch(patch))
			require.NoError(t, err)
			all := append(Workloads(config.Files, false), Workloads(config.Bolt, false)...)
			_, err = Run(t.Context(), p, all, Options{Keep: t.TempDir(), Child: checker})
			var bad *BadImage
			require.ErrorAs(t, err, &bad)
			t.Log(err)
		})
	}
}
