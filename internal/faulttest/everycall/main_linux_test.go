package everycall

import (
	"os"
	"testing"

	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/hostlocal"
)

func TestMain(m *testing.M) {
	if os.Getenv("CNI_COMMAND") != "" { // This test was executed as the plugin.
		plugin := hostlocal.Plugin{
			Getenv: os.Getenv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
			Version: func() string { return "test" },
		}
		os.Exit(plugin.Run())
	}
	os.Exit(faulttest.MainWithMounts(m))
}
