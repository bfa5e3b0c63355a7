package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/internal/agent"
	"github.com/leasehold/leasehold/cluster/internal/host"
	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/clustercli"
)

func (t *tool) init(ctx context.Context, h *host.Host, call clustercli.Call) error {
	if !call.Overlap {
		switch other, err := h.Overlapping(ctx); {
		case err != nil:
			return err
		case other != "":
			return fmt.Errorf("space %s has addresses of these ranges already: to share it, set \"space\": %q in the configuration; "+
				"if it is another network with the same addresses, use --overlap", other, other)
		}
	}
	made, warnings, err := h.Plan(ctx, call.BlockSize, call.Adopt)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		if err := t.warn(w); err != nil {
			return err
		}
	}
	if call.DryRun {
		err := h.Operate(ctx, 0, func(ctx context.Context, o host.Operator) error {
			_, _, err := o.Admin.Space(ctx, o.Space)
			return err
		})
		if err == nil {
			err = fmt.Errorf("%w: %s", cluster.ErrExists, h.Space())
		}
		if !errors.Is(err, cluster.ErrNoSpace) {
			return err
		}
	} else if made, err = h.Init(ctx, call.BlockSize, call.Adopt); err != nil {
		return err
	}
	text := fmt.Sprintf("space %s: %s", h.Space(), strings.Join(made.Ranges, ", "))
	for _, f := range []struct {
		name string
		size uint64
	}{{"IPv4", made.Block4}, {"IPv6", made.Block6}} {
		if f.size != 0 {
			text += fmt.Sprintf("; blocks of %d %s", f.size, f.name)
		}
	}
	if call.DryRun {
		text = "would make " + text
	}
	_, err = fmt.Fprintln(t.out, text)
	return err
}

// warn prints a warning.
func (t *tool) warn(text string) error {
	_, err := fmt.Fprintln(t.errs, cli.Printable("warning: "+text))
	return err
}

// giveBack gives blocks back. If that is to be all, it warns of what this host still has, or will have again.
func (t *tool) giveBack(ctx context.Context, h *host.Host, call clustercli.Call) error {
	given, err := h.GiveBack(ctx, call.Keep)
	if err = errors.Join(t.printBlocks(given), err); err != nil || call.Keep > 0 {
		return err
	}
	withheld, err := h.Withheld(ctx)
	if err != nil {
		return err
	}
	for _, b := range withheld {
		text := fmt.Sprintf("block %s is kept until %s, because \"reuseAfterStrict\" withholds addresses of it", b, b.Until.UTC().Format(time.RFC3339))
		if err := t.warn(text); err != nil {
			return err
		}
	}
	ahead, err := h.Ahead(ctx)
	if err != nil || ahead == 0 || !agent.Runs(t.socket) {
		return err
	}
	return t.warn(fmt.Sprintf("an agent runs on this host, and may claim blocks again (\"ahead\": %d): before this host is evicted, "+
		"stop it with: systemctl stop leasehold-cluster", ahead))
}

// printBlocks prints what a command has got or given back.
func (t *tool) printBlocks(blocks []backend.Block) error {
	switch {
	case t.cni:
		return nil // Only errors are for the plugin.
	case t.output == "json":
		texts := make([]string, len(blocks))
		for i, b := range blocks {
			texts[i] = b.String()
		}
		return cli.WriteJSON(t.out, texts)
	}
	for _, b := range blocks {
		if _, err := fmt.Fprintln(t.out, b); err != nil {
			return err
		}
	}
	return nil
}

// reported says that a host has reported what it holds, in a recovery, which is no error of a command
// that is run for that.
func (t *tool) reported(err error) error {
	if !errors.Is(err, cluster.ErrReported) || t.cni {
		return err
	}
	_, err = fmt.Fprintln(t.out, "the space is being recovered, and this host has reported what it holds")
	return err
}

func (t *tool) rejoin(ctx context.Context, h *host.Host, call clustercli.Call) error {
	switch {
	case call.DryRun:
		return t.differences(ctx, h)
	case call.Drop:
		return h.Drop(ctx)
	case call.Replace:
		return h.Replace(ctx)
	}
	return t.reported(h.Rejoin(ctx))
}

func (t *tool) differences(ctx context.Context, h *host.Host) error {
	differ, err := h.Differences(ctx)
	if err != nil {
		return err
	}
	return t.printProblems(differ)
}

// printProblems prints texts, and returns cli.ErrNo if there are any.
func (t *tool) printProblems(texts []string) error {
	if t.output == "json" {
		if err := cli.WriteJSON(t.out, append([]string{}, texts...)); err != nil {
			return err
		}
	} else if err := t.printLines(texts); err != nil {
		return err
	}
	if len(texts) > 0 {
		return cli.ErrNo
	}
	return nil
}

// printLines prints texts, a line each.
func (t *tool) printLines(texts []string) error {
	for _, text := range texts {
		if _, err := fmt.Fprintln(t.out, cli.Printable(text)); err != nil {
			return err
		}
	}
	return nil
}

func (t *tool) evict(ctx context.Context, o host.Operator, call clustercli.Call) error {
	name := call.Args[1]
	h, blocks, err := o.Find(ctx, name)
	if err != nil {
		return err
	}
	if !call.DryRun && !call.Fenced {
		return fmt.Errorf("host %s (machine %s, address %s, boot %s) holds %d blocks, which others get from now on; "+
			"power it off (suspended, it comes back with them), or there stop its agent, end its containers, start no others and give its blocks back; "+
			"then add --fenced", name, h.Machine, h.Address, h.Boot, blocks)
	}
	verb := "evicted"
	if call.DryRun {
		verb = "would evict"
	} else if blocks, err = o.Evict(ctx, o.Space, h); err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.out, "%s host %s (machine %s, address %s): %d blocks are free\n", verb, cli.Printable(name), h.Machine, cli.Printable(h.Address), blocks)
	return err
}

func (t *tool) recover(ctx context.Context, o host.Operator, call clustercli.Call) error {
	switch {
	case call.DryRun:
	case call.Done:
		if err := o.Recovered(ctx, o.Space); err != nil {
			return err
		}
		_, err := fmt.Fprintf(t.out, "space %s is recovered\n", o.Space)
		return err
	default:
		if err := o.Recover(ctx, o.Space); err != nil {
			return err
		}
	}
	r, err := o.Recovery(ctx, o.Space)
	if err != nil {
		return err
	}
	return t.printLines(t.recoveryTexts(r, o.Space))
}

// recoveryTexts returns what is to be done before a recovery can end, a text for each host, or that it can.
func (t *tool) recoveryTexts(r cluster.Recovery, space string) (texts []string) {
	say := func(format string, args ...any) { texts = append(texts, fmt.Sprintf(format, args...)) }
	if !r.Begun {
		say("the recovery of space %s was not begun: begin it with leasehold cluster recover %s", space, t.network)
	}
	for _, h := range r.Missing {
		switch {
		case h.Foreign:
			say("%s has addresses of other software: when all hosts have reported, run reserve again with all that it has now", h.Name)
		case !r.Begun:
			say("%s is to report what it holds after that", h.Name)
		case len(h.Disputes) > 0:
			say("%s has leases that it cannot keep: %s: release them when their containers are gone, and run attest there again",
				h.Name, strings.Join(h.Disputes, "; "))
		default:
			say("%s has not reported what it holds: run attest there, or evict it", h.Name)
		}
	}
	for _, h := range r.Evicted {
		say("%s was evicted before: if it has joined again since, which the servers may have forgotten, run attest there, too", h.Name)
	}
	switch {
	case !r.Begun, len(r.Missing) > 0:
	case len(r.Reported) == 0:
		say("no host has reported what it holds: run attest on each that runs, and then end the recovery with --done")
	default:
		say("all hosts that the servers know have reported, or were evicted; if no other one is running, end the recovery with --done")
	}
	return texts
}

func (t *tool) verify(ctx context.Context, h *host.Host, o host.Operator, call clustercli.Call) error {
	if call.Local {
		return t.differences(ctx, h)
	}
	wrong, err := o.Verify(ctx, o.Space)
	if err != nil {
		return err
	}
	return t.printProblems(wrong)
}
