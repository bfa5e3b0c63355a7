package host

import (
	"context"
	"errors"
	"fmt"

	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/internal/settings"
	"github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/hostlocal"
)

// An Answer is what the plugin writes instead of a result: a CNI error.
type Answer struct {
	Code    uint   `json:"code"`
	Msg     string `json:"msg"`
	Details string `json:"details,omitempty"`
}

// AnswerTo returns the CNI error for an error of a Host, with the next step. network names the network
// to the operator's tool.
func AnswerTo(err error, network string) Answer {
	var (
		held *HeldError
		lock *exchange.LockError
	)
	a := Answer{Msg: err.Error()}
	switch {
	case errors.As(err, &held):
		a.Code, a.Details = hostlocal.CodeTaken, fmt.Sprintf("request an address that no other host holds, or none; on %s, leasehold who %s says which container has it", held.Host, held.Addr)
	case errors.Is(err, cluster.ErrNoBlocks):
		a.Code, a.Details = hostlocal.CodeExhausted, "to see which hosts hold the addresses, run: leasehold cluster hosts "+network+
			"; a host gives back what it does not use with: leasehold cluster give-back "+network
	case errors.As(err, &lock):
		a.Code, a.Details = hostlocal.CodeTryAgain, "another process of this host asks for addresses of this network"
	case errors.Is(err, cluster.ErrHalted):
		a.Code, a.Details = hostlocal.CodeTryAgain, adviseHalted(err, network)+whileInHand(err)
	case errors.Is(err, cluster.ErrRejected):
		a.Code, a.Details = hostlocal.CodeConfig, "correct it in the file of the cluster, or in etcd"+whileInHand(err)
	case errors.Is(err, cluster.ErrNotNow):
		a.Code, a.Details = hostlocal.CodeTryAgain, "etcd was reached; it may be able to do it again soon"+whileInHand(err)
	case errors.Is(err, cluster.ErrUnknown), errors.Is(err, context.DeadlineExceeded):
		a.Code, a.Details = hostlocal.CodeTryAgain, "etcd was not reached, or could not do it"+whileInHand(err)
	case errors.Is(err, cluster.ErrUnreported):
		a.Code, a.Details = hostlocal.CodeTryAgain, "to see what each has to do, run: leasehold cluster recover --dry-run "+network
	case errors.Is(err, settings.ErrInvalid), errors.Is(err, ErrNotShared):
		a.Code = hostlocal.CodeConfig
	case errors.Is(err, cluster.ErrOutside):
		a.Code, a.Details = hostlocal.CodeConfig, "correct the ranges in the configuration: all hosts have the ranges of the space, or a part of them; "+
			`for more addresses, make another space, with another "space" in ipam`
	case isMembership(err):
		a.Code, a.Details = hostlocal.CodeNotMember, adviseMembership(err, network)
	default:
		a.Code, a.Details = hostlocal.Explain(err, network)
	}
	return a
}

// whileInHand says, of an error after which this host goes on, that it does.
func whileInHand(err error) string {
	if !isInHand(err) {
		return ""
	}
	return "; until then, addresses that this host holds can be leased and released"
}

// adviseHalted says what to do in a space that is halted: if this host cannot report what it holds, that comes first.
func adviseHalted(err error, network string) string {
	if isMembership(err) {
		return adviseMembership(err, network)
	}
	return "to see what is wrong, run: leasehold cluster verify " + network + "; to recover the space: leasehold cluster recover " + network
}

// isMembership reports whether this host may not use the space until an operator has done something.
func isMembership(err error) bool {
	for _, kind := range []error{
		ErrLost, cluster.ErrStopped, cluster.ErrNotStopped, cluster.ErrNotMember, cluster.ErrNameTaken, cluster.ErrInUse, cluster.ErrNoSpace,
		cluster.ErrDisputed, cluster.ErrOtherBlocks, cluster.ErrOtherSpace, cluster.ErrInterrupted, ErrOther,
	} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

func adviseMembership(err error, network string) string {
	switch {
	case errors.Is(err, cluster.ErrNameTaken):
		return adviseName(err, network)
	case errors.Is(err, cluster.ErrNotMember):
		return "to join the space, run: leasehold cluster attest " + network + "; with leases that this host has already: leasehold cluster adopt " + network
	case errors.Is(err, cluster.ErrNotStopped):
		return "it can go on; to leave the space, stop its agent, end its containers and start no others, run: leasehold cluster give-back " + network +
			", and then: leasehold cluster evict --fenced " + network + " HOST"
	case errors.Is(err, ErrNotEmpty):
		return "to see which containers have them, run: leasehold list " + network + "; when they are gone, run the command again"
	case errors.Is(err, cluster.ErrInUse):
		return "to make this host a member with its leases, run: leasehold cluster adopt " + network +
			"; a space whose hosts have leases is made with: leasehold cluster init --adopt " + network
	case errors.Is(err, ErrLost):
		return `if the endpoints and "prefix" in the file of the cluster are right, restore a backup of etcd, run: leasehold cluster attest ` + network + ", which halts the space, and then: leasehold cluster recover " + network +
			"; without a backup, run: leasehold cluster init --adopt " + network + ", then on each host: leasehold cluster attest " + network +
			", or on one that was booted since: leasehold cluster rejoin --drop " + network +
			", and at the end: leasehold cluster recover --done " + network
	case errors.Is(err, cluster.ErrNoSpace):
		return "make the space once, from one of the hosts: leasehold cluster init " + network + "; but if other hosts share the addresses already, " +
			"etcd has lost the space, and they may have any of them: run leasehold cluster attest there, which says how to restore it"
	case errors.Is(err, cluster.ErrOtherSpace):
		return `correct the endpoints or the "prefix" in the file of the cluster; if they are right, the space was made again, and the ` +
			"containers of this host keep their addresses with: leasehold cluster rejoin " + network
	case errors.Is(err, ErrOther):
		return `correct "cluster" and "space" in the configuration; to leave the space of the store for good, do this before they are ` +
			"changed: stop the agent, end the containers and start no others, run: leasehold cluster give-back " + network + ", on another host: leasehold cluster evict --fenced " +
			network + " HOST, and here: leasehold cluster rejoin --drop " + network
	case errors.Is(err, cluster.ErrInterrupted):
		return "run: leasehold cluster evict --fenced " + network + " HOST, and then the command again"
	case errors.Is(err, cluster.ErrOtherBlocks):
		return "do not end the recovery; make the space again with blocks of the size that hosts have: delete what etcd has of it " +
			"(etcdctl del --prefix PREFIX/1/SPACE/), and run on one of them: leasehold cluster init --adopt " + network +
			", then on each host: leasehold cluster attest " + network
	case errors.Is(err, cluster.ErrDisputed):
		return "release the leases when their containers are gone, or have the other host give the block back; " +
			"a block that was reserved for other software is free when none of its addresses is left in it; then run the command again"
	}
	return hostlocal.AdviseStopped(network)
}

// adviseName says what to do about a name that is taken.
func adviseName(err error, network string) string {
	var (
		sibling *SiblingError
		name    *cluster.NameError
	)
	switch {
	case errors.As(err, &sibling):
		return `give this network another "space"; hosts share the addresses of a space, and networks of one host do not`
	case !errors.As(err, &name):
		return "choose another name with --as"
	}
	evict := "leasehold cluster evict --fenced " + network + " " + name.Host
	if name.Own {
		return `if another network of this host has the same "space", give one of them another; ` +
			"if the store with which it joined is gone, or this one is older, and containers that were made since are gone, run: " +
			"leasehold cluster rejoin --replace " + network
	}
	return `give this host a name of its own, "host" in the file of the cluster; ` +
		"if it is that host, installed again or moved to this machine, and containers of its time before are gone, run: " + evict
}
