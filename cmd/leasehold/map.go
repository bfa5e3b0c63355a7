package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"

	"github.com/muesli/termenv"
	"github.com/spf13/cobra"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/boot"
	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/picture"
)

func (t *tool) mapCommand() *cobra.Command {
	var svg string
	c := &cobra.Command{
		Use:   "map NETWORK",
		Short: "Draw the address space of a network",
		Long: `Draw the ranges of a network and show which addresses are leased. Each cell is
an address or, in larger ranges, the number of addresses that the caption gives.
If the leases would be too small to see in a range, as in most IPv6 ranges, only
the part with leases is drawn.

In a terminal with colours, a line shows two rows of cells. Otherwise, or if
NO_COLOR is set, each cell is a character.

As JSON: an array with an object per range, with the keys network, subnet,
first, last and runs: an array of {first, last, state} from the first to the
last address, where state is free, leased, earlier (as in the output of list),
cooling, torn, withheld (gateway or excluded) or elsewhere (in no block of a
shared range that this host holds).`,
		Example: "  leasehold map podnet\n  leasehold map podnet --svg podnet.svg",
		Args:    cli.Arguments(1, 1),
		RunE:    func(cmd *cobra.Command, args []string) error { return t.draw(cmd, args[0], svg) },
	}
	c.Flags().StringVar(&svg, "svg", "", "new file to write the map to, as SVG")
	return c
}

func (t *tool) draw(cmd *cobra.Command, name, svg string) error {
	if svg != "" && t.output == "json" {
		return errors.New("use either --svg or --output json")
	}
	n, err := t.network(name)
	if err != nil {
		return err
	}
	if t.output == "json" {
		return t.writeMapJSON(cmd, n)
	}
	pictures, err := t.pictures(cmd, n)
	if err != nil {
		return t.inNetwork(n, err)
	}
	if len(pictures) == 0 {
		t.warnNoRanges(n)
		return cli.ErrNo
	}
	if svg != "" {
		return t.withOutput(svg, func(w io.Writer) error { return picture.SVG(w, t.now(), pictures...) })
	}
	profile := termenv.NewOutput(cli.Stream(t.out)).EnvColorProfile()
	for i, p := range pictures {
		if i > 0 {
			fmt.Fprintln(t.out)
		}
		if err := p.Terminal(t.out, profile); err != nil {
			return err
		}
	}
	return nil
}

func (t *tool) writeMapJSON(cmd *cobra.Command, n network) error {
	ranges, err := t.mapRanges(cmd, n)
	if err != nil {
		return t.inNetwork(n, err)
	}
	if err := t.writeJSON(ranges); err != nil {
		return err
	}
	if len(ranges) == 0 {
		t.warnNoRanges(n)
		return cli.ErrNo
	}
	return nil
}

// eachCooling calls fn for each cooling address of a range.
func eachCooling(tx backend.ReadTx, r allocator.Range, fn func(netip.Addr)) error {
	store, ok := tx.(backend.CoolingReadTx)
	if !ok {
		return nil
	}
	for c, err := range store.CoolingFrom(r.First()) {
		if err != nil {
			return err
		}
		if r.Last().Less(c.Addr) {
			break
		}
		fn(c.Addr)
	}
	return nil
}

// pictures returns a picture of each range.
func (t *tool) pictures(cmd *cobra.Command, n network) (all []*picture.Picture, err error) {
	ctx, cancel := t.lockContext(cmd)
	defer cancel()
	earlier := boot.Current().SeemsEarlier
	err = t.readStore(n).View(ctx, func(tx backend.ReadTx) error {
		held, shared, failed := allocator.Held(tx)
		for _, r := range n.ranges() {
			p := picture.New(n.name, r, earlier)
			if shared {
				p.SetHeld(held)
			}
			failed = errors.Join(failed, p.AddAll(tx.Leases(r.First())), eachCooling(tx, r, p.AddCooling))
			all = append(all, p)
		}
		return failed
	})
	return all, err
}
