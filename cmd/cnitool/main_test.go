package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/leasehold/leasehold/internal/cli/clitest"
	"github.com/leasehold/leasehold/internal/lint"
	"github.com/leasehold/leasehold/internal/ramtemp"
)

// The scripts run the program as users do. Their networks use host-local as the main
// plugin, which creates no interface.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"cnitool": mainWithoutHostAddrs, "host-local": clitest.HostLocal, "broken": broken})
}

// broken is a plugin that prints nothing and fails.
func broken() { os.Exit(1) }

// mainWithoutHostAddrs is main on a host without addresses, so none is in a range of the
// scripts.
func mainWithoutHostAddrs() {
	t := newTool()
	t.hostAddrs = func() ([]lint.HostAddr, error) { return nil, nil }
	os.Exit(t.run(context.Background(), os.Args[1:]))
}

func TestScripts(t *testing.T) {
	ramtemp.UseIn(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			plugin, err := exec.LookPath("host-local")
			if err != nil {
				return err
			}
			env.Setenv("CNI_PATH", filepath.Dir(plugin))
			env.Setenv("NETCONFPATH", filepath.Join(env.WorkDir, "net.d"))
			env.Setenv("CACHE", filepath.Join(env.WorkDir, "cache"))
			return nil
		},
		Condition: func(name string) (bool, error) {
			return name == "root" && os.Geteuid() == 0, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"status": status, "conf": conf},
	})
}
