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
		a.Code, a.Details = hostlocal.CodeTryAgain, "addresses that this host holds can still be leased and released; to see what is wrong, run: leasehold cluster verify "+network+
			"; to recover the space: leasehold cluster recover "+network
	case errors.Is(err, cluster.ErrUnknown), errors.Is(err, context.DeadlineExceeded):
		a.Code, a.Details = hostlocal.CodeTryAgain, "etcd was not reached; addresses that this host holds can still be leased and released"
	case errors.Is(err, settings.ErrInvalid), errors.Is(err, ErrNotShared):
		a.Code = hostlocal.CodeConfig
	case isMembership(err):
		a.Code, a.Details = hostlocal.CodeNotMember, adviseMembership(err, network)
	default:
		a.Code, a.Details = hostlocal.Explain(err, network)
	}
	return a
}

// isMembership reports whether this host may not use the space until an operator has done something.
func isMembership(err error) bool {
	for _, kind := range []error{
		cluster.ErrStopped, cluster.ErrNotMember, cluster.ErrNameTaken, cluster.ErrInUse, cluster.ErrNoSpace, cluster.ErrDisputed, ErrOther,
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
		return `give this host another name, "host" in the settings of the cluster; if it was installed again, run: leasehold cluster evict ` +
			network + " HOST"
	case errors.Is(err, cluster.ErrInUse):
		return "to make this host a member with its leases, run: leasehold cluster adopt " + network
	case errors.Is(err, cluster.ErrNoSpace):
		return "make the space once, from one of the hosts: leasehold cluster init " + network
	case errors.Is(err, ErrOther):
		return `correct "cluster" and "space" in the configuration`
	case errors.Is(err, cluster.ErrDisputed):
		return "release the leases when their containers are gone, or have the other host give the block back; then run the command again"
	}
	return "with its leases, if no other host holds them: leasehold cluster rejoin " + network +
		"; without: leasehold cluster rejoin --drop " + network
}
