// Package cniexec lets a program that runs CNI networks serve the IPAM plugin
// host-local in its own process.
//
// A runtime that links libcni, or a plugin that delegates to IPAM, executes plugins through
// an [invoke.Exec]. [New] returns one that runs the commands of host-local with the code of
// this project, without starting a process, and executes every other plugin. For the same
// input it has the same results, and the same leases in the same store.
//
//	cni := libcni.NewCNIConfig([]string{"/opt/cni/bin"}, cniexec.New(nil))
//	ip, err := invoke.DelegateAdd(ctx, "host-local", netconf, cniexec.New(nil))
//
// It saves the start of a process; the leases are just as durable. Other processes, such as
// this project's plugin and tools, may use the same stores at the same time.
//
// # Caveats
//
// An executed plugin, such as bridge, executes its IPAM plugin itself: only the calls of
// the program itself are served in process. For those no plugin need be installed, and an
// installed host-local is not used.
//
// # Stability
//
// Until v1.0 a minor version may change the exported names; the CHANGELOG then lists the
// new ones.
package cniexec

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/containernetworking/cni/pkg/invoke"
	"github.com/containernetworking/cni/pkg/types"
	"github.com/containernetworking/cni/pkg/version"

	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/hostlocal"
	"github.com/leasehold/leasehold/internal/neighbour"
)

// Plugin is the name of the plugin served in process.
const Plugin = "host-local"

// path is the pseudo path of the plugin, which no file can have.
const path = "\x00" + Plugin

// New returns an Exec that serves [Plugin] in process and passes everything else to next,
// or executes it if next is nil. It is safe for concurrent use if next is.
func New(next invoke.Exec) invoke.Exec {
	if next == nil {
		next = &processes{}
	}
	return &exec{next}
}

// processes is the default Exec of libcni.
type processes struct {
	invoke.RawExec
	version.PluginDecoder
}

// An exec serves host-local and passes on the others.
type exec struct{ invoke.Exec }

// FindInPath implements [invoke.Exec].
func (e *exec) FindInPath(plugin string, paths []string) (string, error) {
	if plugin == Plugin {
		return path, nil
	}
	return e.Exec.FindInPath(plugin, paths)
}

// ExecPlugin implements [invoke.Exec]. Errors of the plugin are [*types.Error]. If ctx ends
// before the plugin has the lock, the command fails and nothing is done.
func (e *exec) ExecPlugin(ctx context.Context, pluginPath string, stdin []byte, environ []string) ([]byte, error) {
	if pluginPath != path {
		return e.Exec.ExecPlugin(ctx, pluginPath, stdin, environ)
	}
	var out, errs bytes.Buffer
	getenv := func(key string) string { return lookUp(environ, key) }
	p := hostlocal.Plugin{
		Getenv:    getenv,
		Stdin:     bytes.NewReader(stdin),
		Stdout:    &out,
		Stderr:    &errs,
		Version:   cli.Version,
		Neighbour: neighbour.New(getenv, func() []string { return environ }),
	}
	if p.RunContext(ctx) == 0 {
		return out.Bytes(), nil
	}
	answer := new(types.Error)
	if err := json.Unmarshal(out.Bytes(), answer); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", Plugin, err, errs.Bytes())
	}
	return nil, answer
}

// lookUp returns the value of a variable. The last one counts, as in a process.
func lookUp(environ []string, key string) (value string) {
	for _, variable := range environ {
		if v, ok := strings.CutPrefix(variable, key+"="); ok {
			value = v
		}
	}
	return value
}
