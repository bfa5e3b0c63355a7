package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"

	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/internal/host"
	"github.com/leasehold/leasehold/cluster/whereabouts"
	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/clustercli"
)

// The values of --from.
const (
	fromWhereabouts = "whereabouts"
	fromAddresses   = "addresses"
)

// reserve holds the addresses in a file. What is not known of them is an error, after the others have
// been reserved, and no block is freed then: the unknown address may be in it.
func (t *tool) reserve(ctx context.Context, o host.Operator, call clustercli.Call) error {
	addrs, unknown, err := readAddrs(call.Args[1], call.From)
	if err != nil {
		return err
	}
	owner := cmp.Or(call.As, call.From)
	if len(addrs) == 0 && unknown == nil && !call.Empty {
		return fmt.Errorf("%s has no addresses: if no container has any, free all blocks that are held for %s with --empty", call.Args[1], owner)
	}
	reserve := o.Reserve
	if unknown != nil {
		reserve, unknown = o.ReserveMore, fmt.Errorf("no block was freed, because %w", unknown)
	}
	r, err := reserve(ctx, o.Space, owner, addrs)
	if err == nil {
		err = t.printReservation(r)
	}
	return errors.Join(err, unknown)
}

// readAddrs reads the addresses in a file. unknown says that there are more, and why they are not
// known.
func readAddrs(path, from string) (addrs []netip.Addr, unknown, err error) {
	read := map[string]func(io.Reader) ([]netip.Addr, error, error){fromWhereabouts: readObjects, fromAddresses: readLines}[from]
	if read == nil {
		return nil, nil, fmt.Errorf("--from %q: use %s or %s", from, fromWhereabouts, fromAddresses)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close() // It was only read.
	addrs, unknown, err = read(f)
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return addrs, unknown, err
}

func readObjects(r io.Reader) (addrs []netip.Addr, unknown, err error) {
	all, err := whereabouts.Read(r)
	if missing := (*whereabouts.UnknownError)(nil); errors.As(err, &missing) {
		unknown, err = missing, nil
	}
	for _, a := range all {
		addrs = append(addrs, a.Addr)
	}
	return addrs, unknown, err
}

func readLines(r io.Reader) (addrs []netip.Addr, unknown, err error) {
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return nil, nil, fmt.Errorf("line %d: %w", n, err)
		}
		addrs = append(addrs, addr.Unmap())
	}
	return addrs, nil, lines.Err()
}

// printReservation prints what was reserved. It returns cli.ErrNo if addresses are taken.
func (t *tool) printReservation(r cluster.Reservation) error {
	if t.output == "json" {
		type taken struct {
			Address netip.Addr `json:"address"`
			Host    string     `json:"host"`
			Unsure  bool       `json:"unsure,omitempty"`
		}
		row := struct {
			Blocks  int          `json:"blocks"`
			Freed   int          `json:"freed"`
			Taken   []taken      `json:"taken"`
			Outside []netip.Addr `json:"outside"`
		}{r.Blocks, r.Freed, []taken{}, append([]netip.Addr{}, r.Outside...)}
		for _, a := range r.Taken {
			row.Taken = append(row.Taken, taken{a.Addr, a.Host, a.Unsure})
		}
		if err := cli.WriteJSON(t.out, row); err != nil {
			return err
		}
	} else {
		text := fmt.Sprintf("%d blocks are held, %d were freed; %d addresses are not in the space\n", r.Blocks, r.Freed, len(r.Outside))
		for _, a := range r.Taken {
			why := "host %s holds its block, and may lease it too"
			if a.Unsure {
				why = "the servers say that host %s holds its block: reserve again when it has reported, or was evicted"
			}
			text += fmt.Sprintf("%s is not reserved: "+why+"\n", a.Addr, cli.Printable(a.Host))
		}
		if _, err := io.WriteString(t.out, text); err != nil {
			return err
		}
	}
	if len(r.Taken) > 0 {
		return cli.ErrNo
	}
	return nil
}
