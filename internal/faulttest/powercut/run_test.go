//go:build linux

package powercut

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/faulttest/ptracer"
)

// states returns the wanted number of different images of a store.
func states() int {
	switch {
	case faulttest.Exhaustive():
		return 100_000
	case testing.Short():
		return 0 // only each moment of each workload
	}
	return 500
}

func TestPowerCuts(t *testing.T) {
	if !ptracer.Supported {
		t.Skip("the tracer needs Linux on amd64")
	}
	p := faulttest.Shared(t)
	for _, kind := range []string{config.Files, config.Bolt} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			all := Workloads(kind, faulttest.Exhaustive())
			chosen := named(all, os.Getenv("LEASEHOLD_WORKLOAD"))
			if len(chosen) == 0 {
				t.Skip("no workload of this kind has LEASEHOLD_WORKLOAD in its name")
			}
			r, err := Run(t.Context(), p, chosen, Options{States: states()})
			t.Log(r)
			require.NoError(t, err)
			if len(chosen) == len(all) {
				require.GreaterOrEqual(t, r.States, states())
			}
		})
	}
}

// named returns the workloads that have a text in their names: one that fails can be run
// alone.
func named(all []Workload, text string) []Workload {
	return slices.DeleteFunc(slices.Clone(all), func(w Workload) bool { return !strings.Contains(w.Name, text) })
}

func TestPowerCutsAfterAReboot(t *testing.T) {
	if !ptracer.Supported {
		t.Skip("the tracer needs Linux on amd64")
	}
	faulttest.System(t)
	p, err := faulttest.Build(t.TempDir(), "testdata/next-boot.patch")
	require.NoError(t, err)
	for _, kind := range []string{config.Files, config.Bolt} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			r, err := Run(t.Context(), p, AfterReboot(kind), Options{})
			t.Log(r)
			require.NoError(t, err)
		})
	}
}
