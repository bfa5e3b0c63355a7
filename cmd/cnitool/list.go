package main

import (
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/internal/cli"
)

// A listedNetwork is one network in the output of list.
type listedNetwork struct {
	Name       string   `json:"name,omitempty"`
	CNIVersion string   `json:"cniVersion,omitempty"`
	Plugins    []string `json:"plugins,omitempty"`
	File       string   `json:"file"`
	Problem    string   `json:"problem,omitempty"`
}

func (t *tool) listCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the networks and unreadable files",
		Long: `List the networks of the configuration directory, and the problems of files that
are not valid configurations. If two networks have the same name, the first one
listed is used.`,
		Args: cli.Arguments(0, 0),
		RunE: func(*cobra.Command, []string) error {
			networks, err := t.networks()
			if err != nil {
				return err
			}
			return t.writeList(describeNetworks(networks))
		},
	}
}

func describeNetworks(networks []network) []listedNetwork {
	list := []listedNetwork{}
	files := make(map[string]string)
	for _, n := range networks {
		l := listedNetwork{File: n.file}
		if n.err != nil {
			l.Problem = n.err.Error()
			list = append(list, l)
			continue
		}
		l.Name, l.CNIVersion = n.list.Name, n.list.CNIVersion
		for _, p := range n.list.Plugins {
			l.Plugins = append(l.Plugins, p.Network.Type)
		}
		if first := files[l.Name]; first != "" {
			l.Problem = filepath.Base(first) + " has the same name and is used instead"
		} else {
			files[l.Name] = n.file
		}
		list = append(list, l)
	}
	return list
}

// writeList prints the list. It returns cli.ErrNo if a network has a problem.
func (t *tool) writeList(list []listedNetwork) error {
	found := false
	if t.output == "json" {
		if err := cli.WriteJSON(t.out, list); err != nil {
			return err
		}
	}
	table := cli.NewTable(t.out, "NETWORK", "VERSION", "PLUGINS", "FILE")
	var problems strings.Builder
	for _, l := range list {
		table.Row(l.Name, l.CNIVersion, strings.Join(l.Plugins, ","), filepath.Base(l.File))
		if l.Problem != "" {
			found = true
			problems.WriteString(cli.Printable(filepath.Base(l.File)+": "+l.Problem) + "\n")
		}
	}
	if t.output != "json" {
		if err := table.Flush(); err != nil {
			return err
		}
		if _, err := t.out.Write([]byte(problems.String())); err != nil {
			return err
		}
	}
	if found {
		return cli.ErrNo
	}
	return nil
}
