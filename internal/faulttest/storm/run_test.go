package storm

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/faulttest"
)

// strength returns the options of the storms in this package.
func strength() Options {
	o := Options{Processes: 64, Operations: 600, Kills: 0.25}
	if faulttest.Exhaustive() {
		o.Processes, o.Operations = 256, 10_000
	}
	if testing.Short() {
		o.Processes, o.Operations = 32, 200
	}
	return o
}

func TestStorms(t *testing.T) {
	for name, c := range map[string]struct {
		backend    string
		migrations int
		keys       map[string]any
	}{
		"files":          {backend: config.Files},
		"bolt":           {backend: config.Bolt},
		"there and back": {migrations: 4, keys: map[string]any{"prefer": "pod"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := strength()
			o.Migrations, o.Seed = c.migrations, faulttest.Seed(t)
			n := faulttest.Network{Dir: faulttest.Dir(t), Backend: c.backend, Dual: true, Size: o.Processes * 2 / 3, Keys: c.keys}
			report, err := Run(t.Context(), n, faulttest.Shared(t), o)
			t.Log(report)
			require.NoError(t, err)
		})
	}
}
