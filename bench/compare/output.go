package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/leasehold/leasehold/bench/compare/internal/contest"
	"github.com/leasehold/leasehold/bench/compare/internal/machine"
	"github.com/leasehold/leasehold/bench/compare/internal/part"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
	"github.com/leasehold/leasehold/bench/compare/internal/result"
)

// run runs one part, and writes what it has found: to w, and to files.
func (o options) run(ctx context.Context, e part.Env, p part.Part, w io.Writer) error {
	r := describe(e, p)
	if err := p.Run(ctx, e, r); err != nil {
		return err
	}
	e.Show.Clear()
	before, err := result.Read(o.results(p.Name + ".json"))
	if err != nil {
		return err
	}
	if err := show(w, p, before, r); err != nil {
		return err
	}
	switch {
	case o.dry:
		return nil
	case r.Quick && before != nil && !before.Quick:
		fmt.Fprintf(os.Stderr, "%s stays: it is of a run without -quick\n", o.results(p.Name+".json"))
		return nil
	default:
		return o.write(p, r)
	}
}

// describe returns results without any, which say what they are to be of.
func describe(e part.Env, p part.Part) *result.Results {
	r := &result.Results{
		Part:        p.Name,
		Date:        time.Now().Format(time.DateOnly),
		Quick:       e.Quick,
		Machine:     machine.Describe(),
		FileSystems: make(map[string]string),
	}
	for _, p := range e.Places {
		r.FileSystems[p.Name] = machine.FileSystemOf(p.Dir).String()
	}
	for _, p := range e.Programs.Programs() {
		r.Programs = append(r.Programs, result.Program{Name: p.Name, Version: p.Version})
	}
	if why := e.Programs.Missing["empty-c"]; why != "" {
		r.Missing = map[string]string{contest.EmptyC: why}
	}
	return r
}

// show writes the tables, and what has changed since the results before, if there are
// any.
func show(w io.Writer, p part.Part, before, now *result.Results) error {
	if err := p.Section.Write(w, now); err != nil {
		return err
	}
	if before == nil {
		_, err := fmt.Fprintf(w, "\nThere are no earlier results of %s.\n\n", now.Part)
		return err
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return err
	}
	return report.Changes(w, before, now)
}

// write writes the results, the plots, and the tables into the README.
func (o options) write(p part.Part, r *result.Results) error {
	if err := o.removePlots(p.Name); err != nil {
		return err
	}
	section := p.Section
	for _, f := range p.Figures(r) {
		svg, err := f.SVG()
		if err != nil {
			return err
		}
		name := f.Name + ".svg"
		if err := o.writeResult(name, svg); err != nil {
			return err
		}
		section.Figures = append(section.Figures, report.Figure{Title: f.Title, Path: "results/" + name})
	}
	if err := r.Write(o.results(p.Name + ".json")); err != nil {
		return err
	}
	var text strings.Builder
	if err := section.Write(&text, r); err != nil {
		return err
	}
	return report.Splice(o.readme(), p.Name, text.String())
}

// removePlots removes the plots of earlier results: those of a file system that is not
// measured any more would stay.
func (o options) removePlots(name string) error {
	old, err := filepath.Glob(o.results(name + "-*.svg"))
	if err != nil {
		return err
	}
	for _, path := range old {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

func (o options) writeResult(name string, content []byte) error {
	if err := os.MkdirAll(o.results(""), 0o755); err != nil {
		return err
	}
	return os.WriteFile(o.results(name), content, 0o644)
}
