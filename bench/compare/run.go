package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/leasehold/leasehold/bench/compare/internal/parts"
	"github.com/leasehold/leasehold/bench/compare/internal/peers"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
	"github.com/leasehold/leasehold/bench/compare/internal/samples"
	"github.com/leasehold/leasehold/internal/measure"
)

func run(ctx context.Context, o options, w io.Writer) (err error) {
	chosen, err := o.parts()
	if err != nil {
		return err
	}
	if o.report {
		return o.reportAll(w, chosen)
	}
	e := &parts.Env{Quick: o.quick, Rounds: o.rounds, Most: o.most}
	defer func() {
		for _, p := range e.Places {
			os.RemoveAll(p.Dir) // the results do not depend on it
		}
	}()
	if e.Places, err = o.places(); err != nil {
		return err
	}
	log.Print("building")
	if e.Programs, err = peers.Build(ctx, e.Places[0].Dir, o.before); err != nil {
		return err
	}
	if o.slow > 0 {
		slow, failed := measure.MountSlow(e.Programs.Slow.Path, e.Places[0].Dir)
		if failed != nil {
			return failed
		}
		defer func() { err = errors.Join(err, slow.Unmount()) }()
		e.Places = append(e.Places, parts.Place{Name: "slow", Dir: slow.Dir, Slow: slow, Delay: o.slow})
	}
	for _, p := range chosen {
		if err := o.run(ctx, e, p, w); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return nil
}

// parts returns the parts to run.
func (o options) parts() ([]parts.Part, error) {
	all := parts.All()
	var names []string
	for i, p := range all {
		if p.Name == o.only {
			return all[i : i+1], nil
		}
		names = append(names, p.Name)
	}
	if o.only != "" {
		return nil, fmt.Errorf("-only %s: no such part; the parts are %s", o.only, strings.Join(names, ", "))
	}
	return all, nil
}

// places makes a directory in each directory of -in. The paths are absolute, because programs run
// elsewhere. With an error it returns the places that it has made.
func (o options) places() ([]parts.Place, error) {
	var all []parts.Place
	for _, parent := range strings.Split(o.in, ",") {
		fs, _ := measure.FileSystem(parent)
		if slices.ContainsFunc(all, func(p parts.Place) bool { return p.Name == fs }) {
			return all, fmt.Errorf("-in %s: %s is on a %s as well; name one directory of each type", o.in, parent, fs)
		}
		dir, err := filepath.Abs(parent)
		if err == nil {
			dir, err = os.MkdirTemp(dir, "leasehold-compare-")
		}
		if err != nil {
			return all, err
		}
		all = append(all, parts.Place{Name: fs, Dir: dir})
	}
	return all, nil
}

// run runs one part and writes what it has found.
func (o options) run(ctx context.Context, e *parts.Env, p parts.Part, w io.Writer) error {
	e.Samples = &samples.Set{Part: p.Name, Config: config(e)}
	if err := p.Run(ctx, e); err != nil {
		return errors.Join(err, o.keep(e, p, w))
	}
	path := o.results(p.Name + ".txt")
	before, err := samples.Read(path)
	if err != nil {
		return err
	}
	if o.quick && !o.dry && before != nil && slices.Contains(before.Config, [2]string{"quick", "false"}) {
		fmt.Fprintf(os.Stderr, "%s stays: it was measured without -quick\n", path)
		o.dry = true
	}
	if !o.dry {
		if err := e.Samples.Write(path); err != nil {
			return err
		}
	}
	return o.show(w, p, e.Samples)
}

// keep writes what a part that has not ended has measured, in a file of its own: the results stay.
func (o options) keep(e *parts.Env, p parts.Part, w io.Writer) error {
	e.Samples.TrimRounds()
	if len(e.Samples.Samples) == 0 {
		return nil
	}
	if !o.dry {
		path := o.results(p.Name + ".unfinished.txt")
		if err := e.Samples.Write(path); err != nil {
			return err
		}
		log.Printf("what was measured until then is in %s", path)
	}
	o.dry = true
	return o.show(w, p, e.Samples)
}

// config returns when, on what and with what is measured.
func config(e *parts.Env) [][2]string {
	all := [][2]string{{"date", time.Now().Format(time.DateOnly)}, {"quick", strconv.FormatBool(e.Quick)}}
	all = append(all, measure.Machine()...)
	for _, p := range e.Places {
		if p.Slow != nil {
			all = append(all, [2]string{"slow-sync", p.Delay.String()})
		}
		kind, device := measure.FileSystem(p.Dir)
		all = append(all, [2]string{"fs-" + p.Name, kind + " on " + device})
	}
	return append(all, e.Programs.Config()...)
}

// reportAll shows results without measuring.
func (o options) reportAll(w io.Writer, chosen []parts.Part) error {
	for _, p := range chosen {
		s, err := samples.Read(o.results(p.Name + ".txt"))
		if err == nil && s != nil {
			err = o.show(w, p, s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// show writes the tables of a part to w and, unless it is a dry run, tables, plots and
// the ratios of the README to files.
func (o options) show(w io.Writer, p parts.Part, s *samples.Set) error {
	var tables strings.Builder
	if err := report.Write(&tables, s, p.Text, p.Pairs, p.Views); err != nil {
		return err
	}
	if _, err := io.WriteString(w, tables.String()+"\n"); err != nil || o.dry {
		return err
	}
	if err := os.WriteFile(o.results(p.Name+".md"), []byte(tables.String()), 0o644); err != nil {
		return err
	}
	for name, figure := range p.Figures(s) {
		svg, err := figure.SVG(s)
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.results(name+".svg"), svg, 0o644); err != nil {
			return err
		}
	}
	return o.spliceReadme()
}

// spliceReadme writes the ratios of all results into the README.
func (o options) spliceReadme() error {
	sets := make(map[string]*samples.Set)
	for _, p := range parts.All() {
		s, err := samples.Read(o.results(p.Name + ".txt"))
		if err != nil {
			return err
		}
		sets[p.Name] = s
	}
	if sets["whole"] == nil {
		return nil
	}
	return report.Splice(o.readme(), report.Headlines(sets))
}
