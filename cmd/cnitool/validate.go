package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/invoke"
	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/lint"
)

// A finding is a result of validate for one plugin.
type finding struct {
	Plugin   string   `json:"plugin,omitempty"`
	Path     string   `json:"path,omitempty"`
	Versions []string `json:"versions,omitempty"`
	Problem  string   `json:"problem,omitempty"`
	Note     string   `json:"note,omitempty"`
}

// A report is the result of validate for one network.
type report struct {
	Network    string    `json:"network"`
	CNIVersion string    `json:"cniVersion"`
	File       string    `json:"file"`
	Plugins    []finding `json:"plugins"`
}

func (t *tool) validateCommand() *cobra.Command {
	var conf string
	c := &cobra.Command{
		Use:   "validate [NET]",
		Short: "Check configurations and their plugins",
		Long: `Check the configuration of one network, or of all: it can be read; each plugin,
and each IPAM plugin that a plugin executes, is on CNI_PATH and supports the
version; host-local accepts its configuration, and would do what it seems to
mean. Nothing is attached.

Problems, with exit status 1, include keys in ipam that host-local ignores
because they are misspelt, another plugin's, or in the wrong place; and ranges
that overlap with another network's, include an address of this host, or leave
no address to lease. Notes are not errors: network and broadcast addresses in a
range, which Podman and nerdctl write; a gateway outside its subnet, which the
stock plugin rejects from v1.10.0 on; keys that nothing reads; disableGC; a data
directory on a file system in user space (FUSE), where mounts do not share
locks.

--conf checks a file or standard input instead: one or several configurations,
or NetworkAttachmentDefinitions in YAML or JSON. Without CNI_PATH, plugins are
not looked up.

JSON output for NET is an object with the keys network, cniVersion, file and
plugins, an array of objects with plugin, path, versions, problem and note;
absent values are omitted. Without NET it is an array of such objects.`,
		Example: "  cnitool validate\n  kubectl get net-attach-def -A -o yaml | cnitool validate --conf -",
		Args:    cli.Arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && conf != "" {
				return usageError(errors.New("name a network or use --conf, not both"))
			}
			s, err := t.subjects(args, conf)
			if err != nil {
				return err
			}
			return t.writeReports(t.reports(cmd.Context(), s), len(args) == 0)
		},
	}
	c.Flags().StringVar(&conf, "conf", "", "the file to check, or - for standard input")
	return c
}

// reports checks the networks.
func (t *tool) reports(ctx context.Context, s subjects) []report {
	reports := []report{} // in JSON [], not null
	for _, n := range s.networks {
		r := report{File: n.file}
		if n.err == nil {
			r.Network, r.CNIVersion = n.list.Name, n.list.CNIVersion
			r.Plugins = t.plugins(ctx, n)
		}
		r.Plugins = append(r.Plugins, s.findingsFor(n)...)
		reports = append(reports, r)
	}
	return reports
}

// plugins checks the plugins of a network, and the IPAM plugins that they execute.
func (t *tool) plugins(ctx context.Context, n network) (findings []finding) {
	if len(t.paths()) == 0 {
		return []finding{{Note: "plugins were not looked up: set $CNI_PATH, or use --cni-path /opt/cni/bin"}}
	}
	var plugins []string
	for _, p := range n.list.Plugins {
		for _, plugin := range []string{p.Network.Type, ipamOf(p)} {
			if plugin != "" && !slices.Contains(plugins, plugin) {
				plugins = append(plugins, plugin)
				findings = append(findings, t.checkPlugin(ctx, plugin, n.list.CNIVersion))
			}
		}
	}
	return findings
}

// ipamOf returns the IPAM plugin that a plugin executes.
func ipamOf(p *libcni.PluginConfig) string {
	var conf struct {
		IPAM struct{ Type string }
	}
	if json.Unmarshal(p.Bytes, &conf) != nil {
		return "" // The plugin uses the key ipam for something else.
	}
	return conf.IPAM.Type
}

// checkPlugin looks up a plugin and asks which versions it supports.
func (t *tool) checkPlugin(ctx context.Context, plugin, version string) finding {
	f := finding{Plugin: plugin}
	path, err := invoke.FindInPath(plugin, t.paths())
	if err != nil {
		f.Problem = fmt.Sprintf("not found in %q", t.pluginPath)
		return f
	}
	f.Path = path
	info, err := invoke.GetVersionInfo(ctx, path, nil)
	if err != nil {
		f.Problem = "VERSION failed: " + err.Error()
		return f
	}
	f.Versions = info.SupportedVersions()
	if version == "" {
		version = "0.1.0" // CNI SPEC, version negotiation
	}
	if !slices.Contains(f.Versions, version) {
		f.Problem = "does not support version " + version
	}
	return f
}

// asFinding returns a lint finding as a finding about host-local.
func asFinding(f lint.Finding, network string) finding {
	text := f.String()
	if f.Network != "" && f.Network != network && f.Other == "" {
		text = "network " + f.Network + ": " + text // a network that a plugin of this network delegates to
	}
	if f.Note {
		return finding{Plugin: "host-local", Note: text}
	}
	return finding{Plugin: "host-local", Problem: text}
}

// writeReports prints the reports. It returns cli.ErrNo if there is a problem.
func (t *tool) writeReports(reports []report, several bool) error {
	var err error
	switch {
	case t.output == "json" && several:
		err = cli.WriteJSON(t.out, reports)
	case t.output == "json":
		err = cli.WriteJSON(t.out, reports[0])
	default:
		err = writeReportTables(t.out, reports)
	}
	if err != nil {
		return err
	}
	isProblem := func(f finding) bool { return f.Problem != "" }
	if slices.ContainsFunc(reports, func(r report) bool { return slices.ContainsFunc(r.Plugins, isProblem) }) {
		return cli.ErrNo
	}
	return nil
}

func writeReportTables(w io.Writer, reports []report) error {
	for i, r := range reports {
		if i > 0 {
			fmt.Fprintln(w) // The last write returns the error.
		}
		if err := r.write(w); err != nil {
			return err
		}
	}
	return nil
}

func (r report) write(w io.Writer) error {
	if r.Network == "" {
		fmt.Fprintln(w, cli.Printable(r.File)) // The last write returns the error.
	} else {
		fmt.Fprintf(w, "%s, version %s, in %s\n", r.Network, r.CNIVersion, cli.Printable(r.File))
	}
	table := cli.NewTable(w, "PLUGIN", "VERSIONS", "PATH")
	found := false
	var lines strings.Builder
	for _, f := range r.Plugins {
		if f.Path != "" || f.Versions != nil {
			table.Row(f.Plugin, versionRange(f.Versions), f.Path)
			found = true
		}
		lines.WriteString(f.lines())
	}
	if found {
		if err := table.Flush(); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, lines.String())
	return err
}

// lines returns the problem and the note as lines of text.
func (f finding) lines() (text string) {
	prefix := ""
	if f.Plugin != "" {
		prefix = f.Plugin + ": "
	}
	if f.Problem != "" {
		text += cli.Printable(prefix+f.Problem) + "\n"
	}
	if f.Note != "" {
		text += cli.Printable(prefix+"note: "+f.Note) + "\n"
	}
	return text
}

// versionRange returns "first-last" for the versions.
func versionRange(versions []string) string {
	if len(versions) < 2 {
		return strings.Join(versions, "")
	}
	return versions[0] + "-" + versions[len(versions)-1]
}
