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

// A finding is what validate says of a plugin.
type finding struct {
	Plugin   string   `json:"plugin,omitempty"`
	Path     string   `json:"path,omitempty"`
	Versions []string `json:"versions,omitempty"`
	Problem  string   `json:"problem,omitempty"`
	Note     string   `json:"note,omitempty"`
}

// A report is what validate says of a network.
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
		Short: "Check configurations, and that their plugins are there",
		Long: `Check the configuration of a network, or of all: that it can be read, that each
plugin, and each IPAM plugin that one of them executes, is on CNI_PATH and
supports the version, and that host-local accepts what it would be told, and
would do what is meant. Nothing is attached.

What host-local would do otherwise than meant: keys in ipam that it passes over,
because they are misspelt, another plugin's, or in the wrong place; ranges that
overlap with another network's, have an address of this host, or have none that
can be leased. These are problems, and the exit status is 1. A note is good to
know, and not wrong: network and broadcast addresses in a range, which Podman
and nerdctl write; a gateway outside of its subnet, which the stock plugin
refuses from v1.10.0 on; keys that nothing reads; disableGC; a data directory on
a file system in user space (FUSE), where locks are not shared between mounts.

With --conf it is a file that is checked, or standard input: a configuration, or
a NetworkAttachmentDefinition in YAML or JSON, or several. Without CNI_PATH,
plugins are not looked for.

As JSON: for NET an object with the keys network, cniVersion, file and plugins
(an array of objects with plugin, path, versions, problem and note; what is not
so is left out), else an array of these.`,
		Example: "  cnitool validate\n  kubectl get net-attach-def -A -o yaml | cnitool validate --conf -",
		Args:    cli.Arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && conf != "" {
				return usageError(errors.New("name a network, or use --conf, not both"))
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

// reports returns what there is to say of networks.
func (t *tool) reports(ctx context.Context, s subjects) []report {
	reports := []report{} // as JSON, no null
	for _, n := range s.networks {
		r := report{File: n.file}
		if n.err == nil {
			r.Network, r.CNIVersion = n.list.Name, n.list.CNIVersion
			r.Plugins = t.plugins(ctx, n)
		}
		r.Plugins = append(r.Plugins, s.about(n)...)
		reports = append(reports, r)
	}
	return reports
}

// plugins looks for the plugins of a network, and for those that they execute.
func (t *tool) plugins(ctx context.Context, n network) (findings []finding) {
	if len(t.paths()) == 0 {
		return []finding{{Note: "plugins were not looked for: set $CNI_PATH, or use --cni-path /opt/cni/bin"}}
	}
	var plugins []string
	for _, p := range n.list.Plugins {
		for _, plugin := range []string{p.Network.Type, ipamOf(p)} {
			if plugin != "" && !slices.Contains(plugins, plugin) {
				plugins = append(plugins, plugin)
				findings = append(findings, t.look(ctx, plugin, n.list.CNIVersion))
			}
		}
	}
	return findings
}

// ipamOf returns the plugin that another executes for addresses.
func ipamOf(p *libcni.PluginConfig) string {
	var conf struct {
		IPAM struct{ Type string }
	}
	if json.Unmarshal(p.Bytes, &conf) != nil {
		return "" // The plugin has its own idea of ipam.
	}
	return conf.IPAM.Type
}

// look finds a plugin and asks for the versions that it supports.
func (t *tool) look(ctx context.Context, plugin, version string) finding {
	f := finding{Plugin: plugin}
	path, err := invoke.FindInPath(plugin, t.paths())
	if err != nil {
		f.Problem = fmt.Sprintf("it is not in %q", t.pluginPath)
		return f
	}
	f.Path = path
	info, err := invoke.GetVersionInfo(ctx, path, nil)
	if err != nil {
		f.Problem = "it does not say which versions it supports: " + err.Error()
		return f
	}
	f.Versions = info.SupportedVersions()
	if version == "" {
		version = "0.1.0" // CNI SPEC, version negotiation
	}
	if !slices.Contains(f.Versions, version) {
		f.Problem = "it does not support version " + version
	}
	return f
}

// asFinding returns a finding of lint as one about host-local.
func asFinding(f lint.Finding, network string) finding {
	text := f.String()
	if f.Network != "" && f.Network != network && f.Other == "" {
		text = "network " + f.Network + ": " + text // one that a plugin of this one calls
	}
	if f.Note {
		return finding{Plugin: "host-local", Note: text}
	}
	return finding{Plugin: "host-local", Problem: text}
}

// writeReports ends in errNo if there is a problem.
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
		return errNo
	}
	return nil
}

func writeReportTables(w io.Writer, reports []report) error {
	for i, r := range reports {
		if i > 0 {
			fmt.Fprintln(w) // as below
		}
		if err := r.write(w); err != nil {
			return err
		}
	}
	return nil
}

func (r report) write(w io.Writer) error {
	if r.Network == "" {
		fmt.Fprintln(w, cli.Printable(r.File)) // The last write has the error.
	} else {
		fmt.Fprintf(w, "%s, version %s, in %s\n", r.Network, r.CNIVersion, cli.Printable(r.File))
	}
	table := cli.NewTable(w, "PLUGIN", "VERSIONS", "PATH")
	found := false
	var lines strings.Builder
	for _, f := range r.Plugins {
		if f.Path != "" || f.Versions != nil {
			table.Row(f.Plugin, span(f.Versions), f.Path)
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

// lines returns what is to be read of a finding, a line each.
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

// span writes the versions from the first to the last.
func span(versions []string) string {
	if len(versions) < 2 {
		return strings.Join(versions, "")
	}
	return versions[0] + "-" + versions[len(versions)-1]
}
