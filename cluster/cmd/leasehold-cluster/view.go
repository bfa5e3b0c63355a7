package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/internal/host"
	"github.com/leasehold/leasehold/internal/cli"
)

// A spaceRow is the JSON output of spaces and usage. The keys are stable.
type spaceRow struct {
	Space     string   `json:"space"`
	Ranges    []string `json:"ranges"`
	Block4    uint64   `json:"block4"`
	Block6    uint64   `json:"block6"`
	Hosts     int      `json:"hosts"` // members
	Blocks    int      `json:"blocks"`
	Addresses uint64   `json:"addresses"`
	Held      uint64   `json:"held"`
	Halted    string   `json:"halted"`
}

func newSpaceRow(ctx context.Context, a *cluster.Admin, space string) (row spaceRow, err error) {
	c, halt, err := a.Space(ctx, space)
	if err != nil {
		return row, err
	}
	hosts, err := a.Hosts(ctx, space)
	if err != nil {
		return row, err
	}
	u, err := a.Usage(ctx, space)
	if err != nil {
		return row, err
	}
	row = spaceRow{
		Space: space, Ranges: c.Ranges, Block4: c.Block4, Block6: c.Block6,
		Blocks: u.Blocks, Addresses: u.Addresses, Held: u.Held,
	}
	for _, h := range hosts {
		if !h.Evicted && !h.Foreign {
			row.Hosts++
		}
	}
	if halt != nil {
		row.Halted = halt.Text
	}
	return row, nil
}

func (t *tool) spaces(ctx context.Context, dir, name string) (err error) {
	a, timeout, closeEngine, err := host.Admin(dir, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeEngine()) }()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	names, err := a.Spaces(ctx)
	if err != nil {
		return err
	}
	rows := []spaceRow{}
	for _, space := range names {
		row, err := newSpaceRow(ctx, a, space)
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	if t.output == "json" {
		return cli.WriteJSON(t.out, rows)
	}
	return t.spaceTable(rows)
}

func (t *tool) spaceTable(rows []spaceRow) error {
	table := cli.NewTable(t.out, "SPACE", "RANGES", "HOSTS", "BLOCKS", "HELD", "ADDRESSES", "HALTED")
	for _, r := range rows {
		table.Row(r.Space, strings.Join(r.Ranges, ", "), strconv.Itoa(r.Hosts), strconv.Itoa(r.Blocks),
			strconv.FormatUint(r.Held, 10), strconv.FormatUint(r.Addresses, 10), r.Halted)
	}
	return table.Flush()
}

func (t *tool) usage(ctx context.Context, o host.Operator) error {
	row, err := newSpaceRow(ctx, o.Admin, o.Space)
	if err != nil {
		return err
	}
	if t.output == "json" {
		return cli.WriteJSON(t.out, row)
	}
	return t.spaceTable([]spaceRow{row})
}

// A hostRow is the JSON output of hosts. The keys are stable.
type hostRow struct {
	Host     string   `json:"host"`
	State    string   `json:"state"`
	Blocks   int      `json:"blocks"`
	Address  string   `json:"address"`
	Machine  string   `json:"machine"`
	Boot     string   `json:"boot"`
	Ranges   string   `json:"ranges"`
	Program  string   `json:"program"`
	Disputes []string `json:"disputes"`
}

// stateOf returns the state of a host in one word. recovery is the number of the one that is under way, or 0.
func stateOf(h cluster.Host, recovery uint64) string {
	switch {
	case h.Evicted:
		return "evicted"
	case h.Foreign:
		return "foreign"
	case recovery != 0 && h.Reported == recovery:
		return "reported"
	}
	return "member"
}

func (t *tool) hosts(ctx context.Context, o host.Operator) error {
	_, halt, err := o.Admin.Space(ctx, o.Space)
	if err != nil {
		return err
	}
	hosts, err := o.Hosts(ctx, o.Space)
	if err != nil {
		return err
	}
	blocks, err := o.Blocks(ctx, o.Space)
	if err != nil {
		return err
	}
	held, recovery := map[string]int{}, uint64(0)
	for _, b := range blocks {
		for _, name := range b.Holders() {
			held[name]++
		}
	}
	if halt != nil {
		switch err := o.CheckRecovering(ctx, o.Space, *halt); {
		case err == nil:
			recovery = halt.Recovery
		case !errors.Is(err, cluster.ErrConflict):
			return err
		}
	}
	rows := []hostRow{}
	for _, h := range hosts {
		rows = append(rows, hostRow{
			h.Name, stateOf(h, recovery), held[h.Name], h.Address, h.Machine, h.Boot, h.Ranges, h.Program, append([]string{}, h.Disputes...),
		})
	}
	if t.output == "json" {
		return cli.WriteJSON(t.out, rows)
	}
	table := cli.NewTable(t.out, "HOST", "STATE", "BLOCKS", "ADDRESS", "RANGES", "DISPUTES")
	for _, r := range rows {
		table.Row(r.Host, r.State, strconv.Itoa(r.Blocks), r.Address, r.Ranges, strings.Join(r.Disputes, "; "))
	}
	return table.Flush()
}

// A blockRow is the JSON output of blocks and who. The keys are stable.
type blockRow struct {
	First netip.Addr `json:"first"`
	Last  netip.Addr `json:"last"`
	Host  string     `json:"host"`
	Also  []string   `json:"also,omitempty"` // software that is no host
}

// holders returns the names of all that hold the block.
func (r blockRow) holders() string { return strings.Join(append([]string{r.Host}, r.Also...), ", ") }

func newBlockRow(c cluster.Config, b cluster.HeldBlock) (blockRow, error) {
	span, err := c.BlockOf(b.First)
	return blockRow{span.First, span.Last, b.Host, b.Holders()[1:]}, err
}

func (t *tool) blocks(ctx context.Context, o host.Operator) error {
	c, _, err := o.Admin.Space(ctx, o.Space)
	if err != nil {
		return err
	}
	held, err := o.Blocks(ctx, o.Space)
	if err != nil {
		return err
	}
	rows := make([]blockRow, len(held))
	for i, b := range held {
		if rows[i], err = newBlockRow(c, b); err != nil {
			return err
		}
	}
	if t.output == "json" {
		return cli.WriteJSON(t.out, rows)
	}
	table := cli.NewTable(t.out, "BLOCK", "HOST")
	for _, r := range rows {
		table.Row(r.First.String()+"-"+r.Last.String(), r.holders())
	}
	return table.Flush()
}

func (t *tool) who(ctx context.Context, o host.Operator, text string) error {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return fmt.Errorf("%q is not an address", text)
	}
	c, _, err := o.Admin.Space(ctx, o.Space)
	if err != nil {
		return err
	}
	b, held, err := o.Who(ctx, o.Space, addr.Unmap())
	if err != nil {
		return err
	}
	if !held {
		if t.output == "json" {
			return errors.Join(cli.WriteJSON(t.out, nil), cli.ErrNo)
		}
		_, err := fmt.Fprintln(t.out, "no host holds it")
		return errors.Join(err, cli.ErrNo)
	}
	row, err := newBlockRow(c, b)
	if err != nil {
		return err
	}
	if t.output == "json" {
		return cli.WriteJSON(t.out, row)
	}
	_, err = fmt.Fprintf(t.out, "host %s holds %s-%s\n", cli.Printable(row.holders()), row.First, row.Last)
	return err
}
