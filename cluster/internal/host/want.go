package host

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/cluster"
)

// wants returns what this host has to ask for so that the given number of attachments can get an
// address from each range set.
func (h *Host) wants(ctx context.Context, attachments int) (wants []cluster.Want, err error) {
	err = h.store.View(ctx, func(tx backend.ReadTx) error {
		wants = nil
		blocks, err := openBlocks(tx)
		if err != nil {
			return err
		}
		for _, set := range h.config.Pool.Sets() {
			w := cluster.Want{Set: set, Addr: h.requested(set)}
			var needed bool
			if w.Addr.IsValid() {
				needed = !holds(blocks, w.Addr)
			} else {
				w.Blocks = h.number(blocks, set, attachments)
				needed, err = h.isExhausted(ctx, tx, set)
			}
			if err != nil {
				return err
			}
			if needed {
				wants = append(wants, w)
			}
		}
		return nil
	})
	return wants, err
}

// blocks returns the open blocks.
func (h *Host) blocks(ctx context.Context) (open []backend.Block, err error) {
	err = h.store.View(ctx, func(tx backend.ReadTx) error {
		open, err = openBlocks(tx)
		return err
	})
	return open, err
}

func openBlocks(tx backend.ReadTx) ([]backend.Block, error) {
	all, err := backend.Blocks(tx)
	return slices.DeleteFunc(all, func(b backend.Block) bool { return b.State != backend.Open }), err
}

// requested returns the address of the set that the attachment asks for; zero if there is none.
func (h *Host) requested(set allocator.Set) netip.Addr {
	for _, addr := range h.config.Requested {
		if set.Contains(addr) {
			return addr
		}
	}
	return netip.Addr{}
}

func holds(blocks []backend.Block, addr netip.Addr) bool {
	return slices.ContainsFunc(blocks, func(b backend.Block) bool { return b.Contains(addr) })
}

// isExhausted reports whether an ADD would find no address in the set.
func (h *Host) isExhausted(ctx context.Context, tx backend.ReadTx, set allocator.Set) (bool, error) {
	pool, err := allocator.NewPool(set)
	if err != nil {
		return false, err
	}
	err = allocator.New(within{h.store, tx}, pool, allocator.Options{
		Space: h.config.Space, Boot: h.boot, Cooldown: h.config.Cooldown,
		ReleaseEarlierBoots: h.config.OnReboot.Releases(h.config.Backend),
	}).Status(ctx)
	if exhausted := (*allocator.ExhaustedError)(nil); errors.As(err, &exhausted) {
		return true, nil
	}
	return false, err
}

// A within is a store whose View shows what a transaction under way shows, so that the store is opened
// once.
type within struct {
	backend.Store
	tx backend.ReadTx
}

func (w within) View(_ context.Context, fn func(backend.ReadTx) error) error { return fn(w.tx) }

// smallBlock is the largest size of a block of which one more is asked for than is needed, unless the
// settings say otherwise.
const smallBlock = 16

// number returns how many blocks to ask for. A host that holds no block does not know how large they
// are, and asks for one.
func (h *Host) number(blocks []backend.Block, set allocator.Set, attachments int) int {
	ahead := h.ahead(blocks, set.Is4())
	if size := blockSize(blocks, set.Is4()); size > 0 {
		return int((uint64(attachments)+size-1)/size) + ahead
	}
	return 1 + ahead
}

// ahead returns how many blocks of a family this host has beyond those that it needs.
func (h *Host) ahead(blocks []backend.Block, is4 bool) int {
	size := blockSize(blocks, is4)
	switch {
	case h.settings.Ahead >= 0:
		return h.settings.Ahead
	case 0 < size && size <= smallBlock:
		return 1
	}
	return 0
}

// blockSize returns how many addresses a block of a family has; 0 if blocks has none.
func blockSize(blocks []backend.Block, is4 bool) uint64 {
	for _, b := range blocks {
		if b.First.Is4() == is4 {
			return sizeOf(b)
		}
	}
	return 0
}

func sizeOf(b backend.Block) uint64 { return allocator.Span{First: b.First, Last: b.Last}.Size() }

// holders says how many blocks each host holds, those with the most first.
func holders(blocks []cluster.HeldBlock) string {
	const most = 5
	n := map[string]int{}
	for _, b := range blocks {
		n[b.Host]++
	}
	names := slices.Sorted(maps.Keys(n))
	slices.SortStableFunc(names, func(a, b string) int { return n[b] - n[a] })
	var texts []string
	for i, name := range names {
		if i == most {
			texts = append(texts, fmt.Sprintf("%d other hosts", len(names)-most))
			break
		}
		texts = append(texts, fmt.Sprintf("%s %d", name, n[name]))
	}
	return fmt.Sprintf("%d blocks: %s", len(blocks), strings.Join(texts, ", "))
}
