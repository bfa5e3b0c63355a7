#!/usr/bin/env bash
# The guess: Render returns the error of its writer, as Flush of text/tabwriter does, so that a table
# that could not be written is reported.
#
# What happened instead: with tablewriter v1.1.5 that depends on the renderer. With the default one,
# Markdown and the coloured one, Render returns nil though not one byte was written; HTML and SVG
# return the error.
#
# Why it matters: a report that is redirected to a full disk, or into a pipe whose reader has gone, is
# cut off, and the program exits with 0. Code that checks the error of Render looks right, and a test
# with another renderer passes. Render into a strings.Builder, and write that.
set -euo pipefail

tmp=$(mktemp -d)
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
cd "$tmp"

cat >go.mod <<'END'
module finding

go 1.24.0

require github.com/olekukonko/tablewriter v1.1.5
END
cat >main.go <<'END'
package main

import (
	"errors"
	"fmt"
	"syscall"
	"text/tabwriter"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// A fullDisk counts the writes that it fails.
type fullDisk int

func (f *fullDisk) Write([]byte) (int, error) {
	*f++
	return 0, syscall.ENOSPC
}

func main() {
	report := func(name string, f fullDisk, err error) {
		fmt.Printf("%-10s writes failed: %-5t error: %t\n", name, f > 0, errors.Is(err, syscall.ENOSPC))
	}
	for _, one := range []struct {
		name string
		tw.Renderer
	}{
		{"default", renderer.NewBlueprint()},
		{"Markdown", renderer.NewMarkdown()},
		{"coloured", renderer.NewColorized()},
		{"HTML", renderer.NewHTML()},
		{"SVG", renderer.NewSVG(renderer.SVGConfig{})},
	} {
		var f fullDisk
		table := tablewriter.NewTable(&f, tablewriter.WithRenderer(one.Renderer))
		table.Header("name", "size")
		if err := table.Append("a", "1"); err != nil {
			panic(err)
		}
		report(one.name, f, table.Render())
	}
	var f fullDisk
	table := tabwriter.NewWriter(&f, 0, 8, 1, ' ', 0)
	fmt.Fprintln(table, "name\tsize\na\t1")
	report("tabwriter", f, table.Flush())
}
END
{ go mod tidy && go build -o run .; } >log 2>&1 || { cat log; exit 1; }
go version
go list -m github.com/olekukonko/tablewriter
./run | tee seen

diff - seen <<'END'
default    writes failed: true  error: false
Markdown   writes failed: true  error: false
coloured   writes failed: true  error: false
HTML       writes failed: true  error: true
SVG        writes failed: true  error: true
tabwriter  writes failed: true  error: true
END
