package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/backend/bolt/internal/page"
)

func outcomeAt(t *testing.T, path string) page.Outcome {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	file, metas, err := metaPagesOf(f)
	require.NoError(t, err)
	o, err := file.Outcome(metas)
	require.NoError(t, err)
	return o
}

// metaOf returns the number of the last meta page, and the page size.
func metaOf(t *testing.T, content []byte) (id int, pageSize int64) {
	t.Helper()
	file, metas := page.Open(bytes.NewReader(content), int64(len(content)))
	id, ok := metas.Latest()
	require.True(t, ok)
	return id, file.PageSize
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return content
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, content, 0o600))
}

// removeReceipt removes the receipt of the last transaction, which a power cut can undo.
func removeReceipt(t *testing.T, path string) {
	t.Helper()
	content := read(t, path)
	id, size := metaOf(t, content)
	clear(content[int64(1-id)*size:][page.HeaderLen+page.MetaLen : page.SectorLen])
	write(t, path, content)
}

// removeSeals removes all seals and receipts, which earlier formats lack.
func removeSeals(t *testing.T, path string) {
	t.Helper()
	content := read(t, path)
	_, size := metaOf(t, content)
	for id := range int64(2) {
		clear(content[id*size:][page.HeaderLen+page.MetaLen : page.SectorLen])
	}
	write(t, path, content)
}

// An interruption is a store before and after a transaction, and while it ran.
type interruption struct {
	path          string
	before, after []byte // without the receipt of the last transaction
	durable       []byte // after, with that receipt
	leasedBefore  []string
	written       []int // pages that are different, without the meta page
}

// interrupt runs a transaction on a store that has leases.
func interrupt(t *testing.T, leases int, change func(backend.Tx) error) interruption {
	t.Helper()
	i := interruption{path: filepath.Join(t.TempDir(), "net")}
	s := Open(i.path)
	for n := range leases {
		require.NoError(t, s.Update(ctx, put(fmt.Sprintf("10.0.%d.%d", n/250, n%250), fmt.Sprint("c", n))))
	}
	i.leasedBefore = leased(t, s)
	i.before = read(t, i.path)
	require.NoError(t, s.Update(ctx, change))
	require.Equal(t, page.Durable, outcomeAt(t, i.path))
	i.durable = read(t, i.path)
	removeReceipt(t, i.path)
	i.after = read(t, i.path)
	id, size := metaOf(t, i.after)
	i.before = append(i.before, make([]byte, max(0, len(i.after)-len(i.before)))...)
	for p := range len(i.after) / int(size) {
		if at := p * int(size); p > 1 && !bytes.Equal(i.before[at:][:size], i.after[at:][:size]) {
			i.written = append(i.written, p)
		}
	}
	// The receipt of the transaction before is overwritten, and its seal is where it was.
	at := int64(1-id) * size
	copy(i.after[at:][:size], i.before[at:][:size])
	return i
}

// requireRevoked makes sure that nothing is seen of the transaction, and that another one can
// follow.
func (i interruption) requireRevoked(t *testing.T, content []byte, msg ...any) {
	t.Helper()
	write(t, i.path, content)
	require.Equal(t, page.Interrupted, outcomeAt(t, i.path), msg...)
	require.Equal(t, i.leasedBefore, leased(t, Open(i.path)), msg...)
	require.Equal(t, content, read(t, i.path), "a View writes nothing")
	require.NoError(t, Open(i.path).Verify(ctx), msg...)
	require.NoError(t, Open(i.path).Update(ctx, put("10.1.0.1", "next")), msg...)
	require.Equal(t, append(slices.Clone(i.leasedBefore), "10.1.0.1"), leased(t, Open(i.path)), msg...)
	require.Equal(t, page.Durable, outcomeAt(t, i.path))
	require.NoError(t, Open(i.path).Verify(ctx), msg...)
}

func changes() map[string]func(backend.Tx) error {
	return map[string]func(backend.Tx) error{
		"put":    put("10.0.200.1", "new"),
		"delete": func(tx backend.Tx) error { return tx.Delete(netip.MustParseAddr("10.0.0.7")) },
	}
}

// A power cut during the only sync can lose any part of what the transaction has written.
func TestLostPageRevokesTransaction(t *testing.T) {
	for name, change := range changes() {
		i := interrupt(t, 300, change)
		id, size := metaOf(t, i.after)
		require.Greater(t, len(i.written), 2)
		for _, p := range i.written {
			for sector := 0; sector < int(size); sector += page.SectorLen {
				at := p*int(size) + sector
				if bytes.Equal(i.before[at:][:page.SectorLen], i.after[at:][:page.SectorLen]) {
					continue
				}
				content := slices.Clone(i.after)
				copy(content[at:][:page.SectorLen], i.before[at:])
				i.requireRevoked(t, content, "%s: page %d", name, p)
			}
		}
		content := slices.Clone(i.after)
		clear(content[int64(id)*size:][page.HeaderLen+page.MetaLen : page.SectorLen])
		i.requireRevoked(t, content, "%s: no seal", name)
		write(t, i.path, i.after)
		require.Equal(t, page.Sealed, outcomeAt(t, i.path))
		require.NotEqual(t, i.leasedBefore, leased(t, Open(i.path)))
	}
}

// What a power cut has lost is told from damage: a transaction with a receipt is never revoked.
func TestDamageIsNotRevoked(t *testing.T) {
	i := interrupt(t, 300, put("10.0.200.1", "new"))
	_, size := metaOf(t, i.durable)
	for _, p := range i.written {
		damaged := slices.Clone(i.durable)
		copy(damaged[p*int(size):][:size], i.before[p*int(size):])
		write(t, i.path, damaged)
		require.Equal(t, page.Durable, outcomeAt(t, i.path))
		require.ErrorIs(t, Open(i.path).Verify(ctx), backend.ErrDamaged, "page %d", p)
	}
}

// If the pages of both transactions are lost, one of them was told to have succeeded.
func TestBothTransactionsLost(t *testing.T) {
	i := interrupt(t, 300, put("10.0.200.1", "new"))
	id, size := metaOf(t, i.after)
	content := slices.Clone(i.after)
	clear(content[int64(id)*size:][page.HeaderLen+page.MetaLen : page.SectorLen])
	for p := page.First; p*int(size) < len(content); p++ {
		content[p*int(size)+int(size)-1] ^= 1
	}
	write(t, i.path, content)
	s := Open(i.path)
	require.ErrorIs(t, s.Update(ctx, put("10.1.0.1", "next")), backend.ErrDamaged)
	require.ErrorIs(t, s.View(ctx, func(backend.ReadTx) error { return nil }), backend.ErrDamaged)
	require.ErrorIs(t, s.Verify(ctx), backend.ErrDamaged)
	require.Equal(t, content, read(t, i.path))
}

// A transaction can write more pages than a seal can list: that has a byte or more for each.
func TestManyPages(t *testing.T) {
	const leases = 10_000
	path := filepath.Join(t.TempDir(), "net")
	s := Open(path)
	require.NoError(t, s.Update(ctx, func(tx backend.Tx) error {
		for n := range leases {
			if err := put(fmt.Sprintf("10.1.%d.%d", n/250, n%250), fmt.Sprint("c", n))(tx); err != nil {
				return err
			}
		}
		return nil
	}))
	before := read(t, path)
	require.NoError(t, s.Update(ctx, func(tx backend.Tx) error {
		for n := 0; n < leases; n += 10 {
			if err := tx.Delete(netip.MustParseAddr(fmt.Sprintf("10.1.%d.%d", n/250, n%250))); err != nil {
				return err
			}
		}
		return nil
	}))
	written, now := 0, read(t, path)
	for at := 0; at < len(now); at += page.MinSize {
		if at >= len(before) || string(now[at:][:page.MinSize]) != string(before[at:][:page.MinSize]) {
			written++
		}
	}
	require.Greater(t, written, page.SectorLen)
	require.Equal(t, page.Durable, outcomeAt(t, path))
	removeReceipt(t, path)
	require.Equal(t, page.Sealed, outcomeAt(t, path))
	require.NoError(t, s.Verify(ctx))
	require.NoError(t, s.Update(ctx, put("10.0.0.1", "next")))
	require.Equal(t, page.Durable, outcomeAt(t, path))
}

// A disk can lose a write that it has said is durable: the page has what it had before, which can be in
// order. Nothing is leased or released on top of that, though what is there can still be read.
func TestLostWriteOfADurableTransaction(t *testing.T) {
	for _, leases := range []int{1, 2, 40, 400} {
		i := interrupt(t, leases, put("10.9.0.1", "new"))
		require.NotEmpty(t, i.written)
		for _, p := range i.written {
			_, size := metaOf(t, i.durable)
			content := bytes.Clone(i.durable)
			copy(content[p*int(size):][:size], i.before[p*int(size):][:size])
			write(t, i.path, content)
			require.ErrorIs(t, Open(i.path).Update(ctx, put("10.9.0.2", "next")), backend.ErrDamaged, "%d leases, page %d", leases, p)
			require.ErrorIs(t, Open(i.path).Verify(ctx), backend.ErrDamaged, "%d leases, page %d", leases, p)
			require.Equal(t, content, read(t, i.path))
		}
		write(t, i.path, i.durable)
		require.NoError(t, Open(i.path).Update(ctx, put("10.9.0.2", "next")))
	}
}

// The root as it was before leads to trees that are in order, as far as their pages have not been used again.
// If only pages of the history have, nothing is leased on top of earlier leases all the same.
func TestLostWriteOfTheRoot(t *testing.T) {
	updates := 300
	if testing.Short() {
		updates = 30
	}
	for _, leases := range []int{5, 30, 400} {
		s, r := Open(filepath.Join(t.TempDir(), "net")), newRand(t)
		endPods(t, s, 0, 400, podLease)
		for n := range leases {
			require.NoError(t, s.Update(ctx, func(tx backend.Tx) error { return tx.Put(podLease(n)) }))
		}
		for n := range updates {
			before := read(t, s.path)
			require.NoError(t, s.Update(ctx, func(tx backend.Tx) error {
				if r.IntN(2) > 0 {
					return tx.Put(podLease(1000 + n))
				}
				for l, err := range tx.Leases(podLease(r.IntN(1000)).Addr) {
					if err != nil {
						return err
					}
					return errors.Join(tx.Delete(l.Addr), tx.(backend.HistoryTx).Record(endedLease(l)))
				}
				return nil
			}))
			durable, want := read(t, s.path), addressesOf(t, s)
			id, size := metaOf(t, durable)
			_, metas := page.Open(bytes.NewReader(durable), int64(len(durable)))
			content := bytes.Clone(durable)
			copy(content[int64(metas[id].Meta.Root)*size:][:size], before[int64(metas[id].Meta.Root)*size:])
			write(t, s.path, content)
			if s.Update(ctx, put("10.9.0.2", "next")) == nil {
				got := addressesOf(t, s)
				require.Subset(t, got, want, "%d leases, update %d", leases, n)
				require.Len(t, got, len(want)+1, "%d leases, update %d", leases, n)
			}
			write(t, s.path, durable)
		}
	}
}
