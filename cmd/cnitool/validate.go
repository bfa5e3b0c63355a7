package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/invoke"
	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/netconf"
)

// A finding is what validate says of a plugin.
type finding struct {
	Plugin   string   `json:"plugin"`
	Path     string   `json:"path,omitempty"`
	Versions []string `json:"versions,omitempty"`
	Problem  string   `json:"problem,omitempty"`
}

func (t *tool) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate NET",
		Short: "Check a configuration, and that its plugins are there",
		Long: `Check the configuration of a network: that it can be read, that each plugin, and
each IPAM plugin that one of them executes, is on CNI_PATH and supports the
version, and that what host-local would be told is valid, with no key in ipam
that it does not know and would pass over, and no dataDir that depends on the
working directory. Nothing is attached.`,
		Args: cli.Arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := t.named(args[0])
			if err == nil {
				err = t.needPlugins()
			}
			if err != nil {
				return err
			}
			findings := t.validate(cmd.Context(), n)
			if err := t.writeFindings(n, findings); err != nil {
				return err
			}
			if slices.ContainsFunc(findings, func(f finding) bool { return f.Problem != "" }) {
				return errNo
			}
			return nil
		},
	}
}

func (t *tool) validate(ctx context.Context, n network) (findings []finding) {
	var plugins []string
	for _, p := range n.list.Plugins {
		for _, plugin := range []string{p.Network.Type, ipamOf(p)} {
			if plugin != "" && !slices.Contains(plugins, plugin) {
				plugins = append(plugins, plugin)
				findings = append(findings, t.look(ctx, plugin, n.list.CNIVersion))
			}
		}
	}
	return append(findings, hostLocalIn(n)...)
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

// hostLocalIn returns what is wrong with what host-local would be told.
func hostLocalIn(n network) (findings []finding) {
	networks, err := netconf.ReadFile(n.file)
	if err != nil {
		return []finding{{Plugin: "host-local", Problem: err.Error()}}
	}
	for _, network := range networks {
		if network.Name != n.list.Name {
			continue
		}
		errs := network.UnknownKeys
		if err := network.CheckDataDir(); err != nil {
			errs = append(errs, err)
		}
		if network.Err != nil && !network.RangesElsewhere {
			errs = append(errs, network.Err)
		}
		for _, err := range errs {
			findings = append(findings, finding{Plugin: "host-local", Problem: err.Error()})
		}
	}
	return findings
}

func (t *tool) writeFindings(n network, findings []finding) error {
	if t.output == "json" {
		return cli.WriteJSON(t.out, struct {
			Network    string    `json:"network"`
			CNIVersion string    `json:"cniVersion"`
			File       string    `json:"file"`
			Plugins    []finding `json:"plugins"`
		}{n.list.Name, n.list.CNIVersion, n.file, findings})
	}
	fmt.Fprintf(t.out, "%s, version %s, in %s\n", n.list.Name, n.list.CNIVersion, n.file) // Flush has the error.
	table := cli.NewTable(t.out, "PLUGIN", "VERSIONS", "PATH")
	var problems strings.Builder
	for _, f := range findings {
		if f.Path != "" || f.Versions != nil {
			table.Row(f.Plugin, span(f.Versions), f.Path)
		}
		if f.Problem != "" {
			problems.WriteString(cli.Printable(f.Plugin+": "+f.Problem) + "\n")
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprint(t.out, problems.String())
	return err
}

// span writes the versions from the first to the last.
func span(versions []string) string {
	if len(versions) < 2 {
		return strings.Join(versions, "")
	}
	return versions[0] + "-" + versions[len(versions)-1]
}
