//go:build linux

package powercut

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/leasehold/leasehold/internal/faulttest"
	"github.com/leasehold/leasehold/internal/faulttest/ptracer"
)

// A step is one recorded action.
type step func(*recorder) error

// add adds a container. The lease counts as promised when the answer is about to be
// written.
func add(id string) step { return interruptedAdd(id, never) }

func interruptedAdd(id string, k kill) step {
	return func(r *recorder) error {
		if kind := r.network.Backend; kind != "" {
			r.append(moving{kind})
		}
		r.append(asked{id})
		return r.run(r.network.Command(r.programs.HostLocal, "ADD", id, nil), k, func(text []byte) {
			addrs, err := faulttest.Addresses(text)
			if err != nil || len(addrs) == 0 {
				return // The answer is an error.
			}
			r.append(leased{id, addrs})
			if kind := r.network.Backend; kind != "" {
				r.append(moved{kind})
			}
		})
	}
}

// withReleaseOf wraps the first ADD of a new boot, which also releases the leases of the
// boot before.
func withReleaseOf(earlier []string, s step) step {
	return func(r *recorder) error {
		r.append(releasing{earlier})
		if err := s(r); err != nil {
			return err
		}
		r.append(released{earlier})
		return nil
	}
}

// addAgain repeats an ADD: if the container has leases, it gets these.
func addAgain(id string) step {
	return func(r *recorder) error {
		network := r.network
		defer func() { r.network = network }()
		r.network = network.With("onDuplicate", "return")
		return add(id)(r)
	}
}

func del(id string) step { return interruptedDel(id, never) }

func interruptedDel(id string, k kill) step {
	return func(r *recorder) error {
		r.append(releasing{[]string{id}})
		if err := r.run(r.network.Command(r.programs.HostLocal, "DEL", id, nil), k, nil); err != nil {
			return err
		}
		r.append(released{[]string{id}})
		return nil
	}
}

// gc releases all containers except these.
func gc(valid ...string) step {
	return func(r *recorder) error {
		garbage := slices.DeleteFunc(r.now.promises.known(), func(id string) bool { return slices.Contains(valid, id) })
		r.append(releasing{garbage})
		cmd := r.network.Command(r.programs.HostLocal, "GC", "", faulttest.Attachments(valid...))
		if err := r.run(cmd, never, nil); err != nil {
			return err
		}
		r.append(released{garbage})
		return nil
	}
}

func migrateTo(kind string) step { return interruptedMigrate(kind, never) }

func interruptedMigrate(kind string, k kill) step {
	return func(r *recorder) error {
		r.append(moving{kind})
		cmd := r.network.Tool(r.programs.Leasehold, "migrate", faulttest.Name, "--to", kind)
		if err := r.run(cmd, k, nil); err != nil {
			return err
		}
		r.append(moved{kind})
		return nil
	}
}

// killed wraps a step that must be killed.
func killed(s step) step {
	return func(r *recorder) error {
		if err := s(r); !ptracer.Killed(err) {
			return fmt.Errorf("not killed: %w", err)
		}
		return nil
	}
}

// syncs are the calls before which the most changes are unsynced.
func syncs() []string { return []string{"fsync", "fdatasync"} }

// changesAndSyncs are all calls that matter to the disk.
func changesAndSyncs() []string {
	return append([]string{"write", "pwrite64", "ftruncate", "mkdirat", "renameat", "renameat2", "unlinkat"}, syncs()...)
}

// killAtEach kills a process at its first call of these names and runs the steps in then,
// kills it at the second call, and so on until it completes.
func killAtEach(names []string, s func(kill) step, then ...step) step {
	return func(r *recorder) error {
		for nth := 1; ; nth++ {
			err := s(atNth(nth, names...))(r)
			if err != nil && !ptracer.Killed(err) {
				return err
			}
			for _, step := range then {
				if err := step(r); err != nil {
					return err
				}
			}
			if err == nil {
				return nil
			}
		}
	}
}

// A kill reports whether to kill a process at a call.
type kill func(*ptracer.Call) bool

// never never kills.
func never(*ptracer.Call) bool { return false }

// atNth kills at the nth call of one of these names.
func atNth(nth int, names ...string) kill {
	seen := 0
	return func(c *ptracer.Call) bool {
		if slices.Contains(names, c.Name) {
			seen++
		}
		return seen == nth
	}
}

// atSyncAfterExchange kills at the sync that makes an exchange of names durable.
func atSyncAfterExchange() kill {
	exchanged := atNth(1, "renameat2")
	done := false
	return func(c *ptracer.Call) bool {
		if done {
			return c.Name == "fsync"
		}
		done = exchanged(c)
		return false
	}
}

// syncEverything records that the kernel has written all changes to the disk.
func syncEverything(r *recorder) error {
	r.append(allSynced{len(r.history)})
	return r.err
}

// goroutines runs a process in which many goroutines lease and release.
func goroutines(c goroutinesConfig) step {
	return func(r *recorder) error {
		c.Network = r.network
		orders, err := json.Marshal(c)
		if err != nil {
			return err
		}
		cmd := child("", "goroutines")
		cmd.Stdin = bytes.NewReader(orders)
		return r.run(cmd, never, func(text []byte) {
			for line := range strings.Lines(string(text)) {
				e, err := parseLine(strings.Fields(line))
				r.failed(err)
				r.append(e)
			}
		})
	}
}

// parseLine parses a line that a goroutine prints.
func parseLine(fields []string) (event, error) {
	if len(fields) < 2 {
		return nil, fmt.Errorf("unexpected line %q", fields)
	}
	id := fields[1]
	switch fields[0] {
	case asking:
		return asked{id}, nil
	case hasLeased:
		var addrs []netip.Addr
		for _, f := range fields[2:] {
			addr, err := netip.ParseAddr(f)
			if err != nil {
				return nil, err
			}
			addrs = append(addrs, addr)
		}
		return leased{id, addrs}, nil
	case isReleasing:
		return releasing{[]string{id}}, nil
	case hasReleased:
		return released{[]string{id}}, nil
	}
	return nil, fmt.Errorf("unexpected line %q", fields)
}
