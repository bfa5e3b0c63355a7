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

	"github.com/leasehold/leasehold/bench/compare/internal/measure"
	"github.com/leasehold/leasehold/bench/compare/internal/parts"
	"github.com/leasehold/leasehold/bench/compare/internal/peers"
	"github.com/leasehold/leasehold/bench/compare/internal/report"
	"github.com/leasehold/leasehold/bench/compare/internal/samples"
)

func run(ctx context.Context, o options, w io.Writer) (err error) {
	chosen, err := o.parts()
	if err != nil {
		return err
	}
	if o.report {
		return o.reportAll(w, chosen)
	}
	e := &parts.Env{Quick: o.quick, Rounds: int(o.rounds)}
	defer func() {
		for _, p := range e.Places {
			os.RemoveAll(p.Dir) // the results do not depend on it
		}
	}()
	if e.Places, err = o.places(); err != nil {
		return err
	}
	log.Print("building")
	if e.Programs, err = peers.Build(ctx, e.Places[0].Dir); err != nil {
		return err
	}
	if o.slow > 0 {
		disk, failed := mountSlow(e.Programs.Slow, e.Places[0])
		if failed != nil {
			return failed
		}
		defer func() { err = errors.Join(err, disk.unmount()) }()
		e.Places = append(e.Places, disk.Place)
		e.Delay = func(on bool) error {
			if on {
				return disk.delay(o.slow)
			}
			return disk.delay(0)
		}
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

// places makes a directory on each file system. The paths are absolute, because programs run
// elsewhere. With an error it returns the places that it has made.
func (o options) places() ([]parts.Place, error) {
	var all []parts.Place
	for _, parent := range []string{o.disk, o.tmpfs} {
		if parent == "" {
			continue
		}
		fs, _ := measure.FileSystem(parent)
		if parent == o.tmpfs && fs != "tmpfs" {
			fmt.Fprintf(os.Stderr, "%s is not on a tmpfs: nothing is measured there\n", parent)
			continue
		}
		if len(all) == 1 && all[0].Name == fs {
			return all, fmt.Errorf("-disk %s is on a %s as well; name a directory on a disk", o.disk, fs)
		}
		dir, err := os.MkdirTemp(parent, "leasehold-compare-")
		if err != nil {
			return all, err
		}
		if dir, err = filepath.Abs(dir); err != nil {
			return all, err
		}
		all = append(all, parts.Place{Name: fs, Dir: dir})
	}
	if len(all) == 0 {
		return nil, errors.New("neither -disk nor -tmpfs names a directory to make stores in")
	}
	return all, nil
}

// run runs one part and writes what it has found.
func (o options) run(ctx context.Context, e *parts.Env, p parts.Part, w io.Writer) error {
	e.Samples = &samples.Set{Part: p.Name, Config: config(e, o.slow)}
	if err := p.Run(ctx, e); err != nil {
		return err
	}
	before, err := samples.Read(o.results(p.Name + ".txt"))
	if err != nil {
		return err
	}
	whole := before != nil && slices.Contains(before.Config, [2]string{"quick", "false"})
	if o.quick && whole && !o.dry {
		fmt.Fprintf(os.Stderr, "%s stays: it was measured without -quick\n", o.results(p.Name+".txt"))
		o.dry = true
	}
	if !o.dry {
		if err := e.Samples.Write(o.results(p.Name + ".txt")); err != nil {
			return err
		}
	}
	return o.show(w, p, e.Samples)
}

// config returns when, on what and with what is measured.
func config(e *parts.Env, slow time.Duration) [][2]string {
	all := [][2]string{{"date", time.Now().Format(time.DateOnly)}, {"quick", strconv.FormatBool(e.Quick)}}
	all = append(all, measure.Machine()...)
	if e.Delay != nil {
		all = append(all, [2]string{"slow-sync", slow.String()})
	}
	for _, p := range e.Places {
		kind, device := measure.FileSystem(p.Dir)
		all = append(all, [2]string{"fs-" + p.Name, kind + " on " + device})
	}
	return append(all, e.Programs.Config()...)
}

// reportAll shows results without measuring.
func (o options) reportAll(w io.Writer, chosen []parts.Part) error {
	for _, p := range chosen {
		s, err := samples.Read(o.results(p.Name + ".txt"))
		if err != nil {
			return err
		}
		if s == nil {
			continue
		}
		if err := o.show(w, p, s); err != nil {
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
