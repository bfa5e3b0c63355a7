package allocator

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/leasehold/leasehold/backend"
)

// ReleasePod deletes the leases of a pod and returns them. Some stores record no pods, and
// return none.
//
// A pod that was recreated under its name, as by a StatefulSet, can have leases of its old
// sandbox and of the running one. If the leases belong to more than one container, it
// returns an [AmbiguousPodError] and releases nothing.
func ReleasePod(ctx context.Context, store backend.Store, pod backend.Pod) ([]backend.Lease, error) {
	var released []backend.Lease
	err := releaseOrConfirmNone(ctx, store, func(tx backend.ReadTx) (n int, err error) {
		released, err = pick(tx.Leases(netip.Addr{}), noLimit, func(l backend.Lease) bool { return l.Pod == pod })
		if err == nil {
			err = oneContainer(pod, released)
		}
		return len(released), err
	}, func(tx backend.Tx) error { return endingIn(tx, backend.EndedByRelease).all(released) })
	if err != nil {
		return nil, err
	}
	return released, nil
}

func oneContainer(pod backend.Pod, leases []backend.Lease) error {
	var containers []string
	for _, l := range leases {
		if id := l.Owner.ContainerID; !slices.Contains(containers, id) {
			containers = append(containers, id)
		}
	}
	if len(containers) > 1 {
		return &AmbiguousPodError{Pod: pod, Containers: containers}
	}
	return nil
}

// An AmbiguousPodError means that a pod has leases of several containers.
type AmbiguousPodError struct {
	Pod        backend.Pod
	Containers []string // ordered by address
}

func (e *AmbiguousPodError) Error() string {
	return fmt.Sprintf("%s has leases of %d containers, nothing was released: %s", e.Pod, len(e.Containers), strings.Join(e.Containers, ", "))
}
