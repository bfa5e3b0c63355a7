package backend

import (
	"encoding/hex"
	"fmt"
	"net/netip"
)

// A Mark is a random number that identifies one thing: a membership, or a request to the
// other hosts. The zero Mark belongs to no request.
type Mark [16]byte

// String returns the mark in hexadecimal digits.
func (m Mark) String() string { return hex.EncodeToString(m[:]) }

// ParseMark returns the mark whose String is text.
func ParseMark(text string) (m Mark, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(m) {
		return Mark{}, fmt.Errorf("mark %q: want %d hexadecimal digits", text, 2*len(m))
	}
	return Mark(b), nil
}

// A BlockState says what a host may do with a [Block].
type BlockState uint8

const (
	// Requested: the host has asked for the block, and does not know whether it was granted.
	Requested BlockState = iota + 1

	// Open: the block was granted, and its addresses can be leased.
	Open

	// Closing: the host gives the block back, or no longer trusts that it holds it. Leases in
	// it stay until they are released.
	Closing
)

// String returns the state in one word.
func (s BlockState) String() string {
	switch s {
	case Requested:
		return "requested"
	case Open:
		return "open"
	case Closing:
		return "closing"
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// ParseBlockState returns the state whose String is text.
func ParseBlockState(text string) (BlockState, error) {
	for s := Requested; s <= Closing; s++ {
		if s.String() == text {
			return s, nil
		}
	}
	return 0, fmt.Errorf("block state %q: want %s, %s or %s", text, Requested, Open, Closing)
}

// A Block is a run of addresses that one of several hosts holds.
type Block struct {
	First, Last netip.Addr // of one family, as [Lease.Addr]
	State       BlockState
	Mark        Mark // of the latest request of this host that concerns the block
}

// Contains reports whether addr is in the block.
func (b Block) Contains(addr netip.Addr) bool {
	return b.First.BitLen() == addr.BitLen() && b.First.Compare(addr) <= 0 && addr.Compare(b.Last) <= 0
}

// Overlaps reports whether the blocks share an address.
func (b Block) Overlaps(other Block) bool {
	return b.First.BitLen() == other.First.BitLen() && b.First.Compare(other.Last) <= 0 && other.First.Compare(b.Last) <= 0
}

// String returns the ends of the block with a hyphen between them.
func (b Block) String() string { return b.First.String() + "-" + b.Last.String() }

// Validate returns an error if no store can record b.
func (b Block) Validate() error {
	for _, addr := range [...]netip.Addr{b.First, b.Last} {
		if err := ValidateAddr(addr); err != nil {
			return fmt.Errorf("block %s: %w", b, err)
		}
	}
	switch {
	case b.First.BitLen() != b.Last.BitLen():
		return fmt.Errorf("block %s has ends of different families", b)
	case b.Last.Less(b.First):
		return fmt.Errorf("block %s ends before it begins", b)
	case b.State < Requested || Closing < b.State:
		return fmt.Errorf("block %s has an unknown state", b)
	}
	return nil
}

// A Membership says with which hosts a store shares its addresses, and what this host knows
// of its requests to them. The zero Membership is of a store that shares nothing, and can
// lease every address.
//
// A store records a Membership and does not interpret it. The protocol that it belongs to is
// in the module cluster.
type Membership struct {
	// Cluster names the configuration by which the host reaches the others, Space the
	// addresses that they share, and Host this host among them.
	Cluster, Space, Host string

	// Incarnation was made with the membership: a host that was installed again under its
	// old name has another one.
	Incarnation Mark

	// Sequence is the number of the last request that is known to be done. The next one has
	// the number after it.
	Sequence uint64

	// Intent is the request that was decided on and of which it is not known whether it is
	// done.
	Intent Intent

	// Attested is the boot in which what the store has was last compared with what the other
	// hosts know of it. Until that is the present boot, nothing may be leased.
	Attested string

	// Machine identifies the machine that was attested.
	Machine string

	// Stopped says why nothing may be leased until an operator has decided; empty if nothing
	// is wrong.
	Stopped string

	// Seen is the latest that the host has seen of what the hosts share.
	Seen Sighting
}

// An Intent is a request that a host has decided on. The zero Intent means that no request is under way. The blocks that
// it concerns are those with its mark.
type Intent struct {
	Action string // what is asked for
	Mark   Mark
	Boot   string // the boot in which it was decided on; empty in a store that is doubted since
}

// A Sighting is how far a host has seen the history of what the hosts share.
type Sighting struct {
	Cluster  uint64 // the ID of the servers
	Revision int64
	At       int64 // Unix seconds; to be shown only, because clocks differ

	// Recovery is the number of the last recovery, in which the hosts have restored together what the servers had
	// lost; 0 if none is known.
	Recovery uint64

	// Space identifies what the hosts share, whose name others can have on other servers; zero if it is not known.
	Space Mark
}

// IsZero reports whether the store shares nothing.
func (m Membership) IsZero() bool { return m == Membership{} }

// Doubted returns m as it is to be recorded in a store that can be older than what the host has given
// back since, or lack something: one that was imported or repaired. Such a store leases nothing
// until it was compared, which no request may replace that was decided on before.
func (m Membership) Doubted() Membership {
	m.Attested, m.Intent.Boot = "", ""
	return m
}

// Validate returns an error if no store can record m.
func (m Membership) Validate() error {
	for _, s := range m.texts() {
		if err := ValidateName(s); err != nil {
			return fmt.Errorf("membership: %q: %w", s, err)
		}
	}
	return nil
}

func (m Membership) texts() [8]string {
	return [...]string{m.Cluster, m.Space, m.Host, m.Intent.Action, m.Intent.Boot, m.Attested, m.Machine, m.Stopped}
}

// A SharedTx is a transaction of a store that several hosts can share: each has a store of
// its own, and leases only from the blocks that it holds.
//
// A store that wraps another one passes SharedTx on if it is to be shared. Without it nothing
// can be shared by mistake: memberships and blocks are read through [ReadTx].
type SharedTx interface {
	Tx

	// SetMembership records m. The first one that is not zero makes the store a shared one,
	// in which no address can be leased until a block is open; its leases stay. With the zero
	// Membership the store shares nothing again; it returns [ErrInvalid] while there are
	// blocks, or if [Membership.Validate] rejects m.
	SetMembership(m Membership) error

	// PutBlock records a block, or the state and mark of one that is recorded. It returns
	// [ErrInvalid] if the store is not shared, if b overlaps another block, or if
	// [Block.Validate] rejects it.
	PutBlock(b Block) error

	// DeleteBlock removes the block that begins at first. It is not an error if there is
	// none. Unless the block is only requested, it returns [ErrLeased] while an address in it
	// is leased.
	DeleteBlock(first netip.Addr) error
}

// AsShared returns tx as a transaction of a store that can be shared, or [ErrNotShareable].
func AsShared(tx Tx) (SharedTx, error) {
	if s, ok := tx.(SharedTx); ok {
		return s, nil
	}
	return nil, ErrNotShareable
}

// Blocks returns the blocks of tx.
func Blocks(tx ReadTx) (all []Block, err error) {
	for b, err := range tx.Blocks(netip.Addr{}) {
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, nil
}
