// Package cniexec lets a program that runs CNI networks serve the IPAM plugin
// host-local in its own process.
//
// A runtime that links libcni, or a plugin that delegates to IPAM, executes plugins
// through an [invoke.Exec]. [New] returns one that executes every plugin but
// host-local, whose commands are performed by the code of this project, without a
// process: for the same input the same answers, the same leases in the same store.
//
//	cni := libcni.NewCNIConfig([]string{"/opt/cni/bin"}, cniexec.New(nil))
//	ip, err := invoke.DelegateAdd(ctx, "host-local", netconf, cniexec.New(nil))
//
// What is saved is the start of a process; the leases are as durable as ever. Other
// processes may work on the same stores at the same time, this project's plugin and
// tools among them.
//
// # Caveats
//
// A plugin that is executed, such as bridge, executes its IPAM plugin itself: only what
// the program asks for directly is served in process. No plugin has to be installed for
// that, and none that is installed under the name host-local is used.
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
)

// Plugin is the name of the plugin that is served in process.
const Plugin = "host-local"

// path stands for the path of the plugin. No file has it.
const path = "\x00" + Plugin

// New returns an Exec that serves [Plugin] in process and leaves everything else to
// next; if that is nil, to processes. It is safe for concurrent use if next is.
func New(next invoke.Exec) invoke.Exec {
	if next == nil {
		next = &processes{}
	}
	return &exec{next}
}

// processes is what libcni uses when it is given nothing.
type processes struct {
	invoke.RawExec
	version.PluginDecoder
}

// An exec tells host-local from the others.
type exec struct{ invoke.Exec }

// FindInPath implements [invoke.Exec].
func (e *exec) FindInPath(plugin string, paths []string) (string, error) {
	if plugin == Plugin {
		return path, nil
	}
	return e.Exec.FindInPath(plugin, paths)
}

// ExecPlugin implements [invoke.Exec]. An error of the plugin is a [*types.Error]. If
// ctx ends before the plugin has the lock, the command fails and has done nothing.
func (e *exec) ExecPlugin(ctx context.Context, pluginPath string, stdin []byte, environ []string) ([]byte, error) {
	if pluginPath != path {
		return e.Exec.ExecPlugin(ctx, pluginPath, stdin, environ)
	}
	var out, errs bytes.Buffer
	p := hostlocal.Plugin{
		Getenv:  func(key string) string { return lookUp(environ, key) },
		Stdin:   bytes.NewReader(stdin),
		Stdout:  &out,
		Stderr:  &errs,
		Version: cli.Version,
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

// lookUp returns the value of a variable, of which the last one counts, as in a process.
func lookUp(environ []string, key string) (value string) {
	for _, variable := range environ {
		if v, ok := strings.CutPrefix(variable, key+"="); ok {
			value = v
		}
	}
	return value
}
