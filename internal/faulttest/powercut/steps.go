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

// A step is something that is recorded.
type step func(*recorder) error

// add leases to a container. The lease is promised as soon as it is about to be written.
func add(id string) step { return interruptedAdd(id, never) }

func interruptedAdd(id string, k kill) step {
	return func(r *recorder) error {
		if kind := r.network.Backend; kind != "" {
			r.note(moving{kind})
		}
		r.note(asked{id})
		return r.run(r.network.Command(r.programs.HostLocal, "ADD", id, nil), k, func(text []byte) {
			addrs, err := faulttest.Addresses(text)
			if err != nil || len(addrs) == 0 {
				return // It answers with an error.
			}
			r.note(leased{id, addrs})
			if kind := r.network.Backend; kind != "" {
				r.note(moved{kind})
			}
		})
	}
}

// ending is for the first to lease in a new boot, which ends the leases of the last.
func ending(earlier []string, s step) step {
	return func(r *recorder) error {
		r.note(releasing{earlier})
		if err := s(r); err != nil {
			return err
		}
		r.note(released{earlier})
		return nil
	}
}

// addAgain is for a container that may have leases: it gets these.
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
		r.note(releasing{[]string{id}})
		if err := r.run(r.network.Command(r.programs.HostLocal, "DEL", id, nil), k, nil); err != nil {
			return err
		}
		r.note(released{[]string{id}})
		return nil
	}
}

// gc releases what is held by others than these.
func gc(valid ...string) step {
	return func(r *recorder) error {
		garbage := slices.DeleteFunc(r.now.promises.known(), func(id string) bool { return slices.Contains(valid, id) })
		r.note(releasing{garbage})
		cmd := r.network.Command(r.programs.HostLocal, "GC", "", faulttest.Attachments(valid...))
		if err := r.run(cmd, never, nil); err != nil {
			return err
		}
		r.note(released{garbage})
		return nil
	}
}

func migrateTo(kind string) step { return interruptedMigrate(kind, never) }

func interruptedMigrate(kind string, k kill) step {
	return func(r *recorder) error {
		r.note(moving{kind})
		cmd := r.network.Tool(r.programs.Leasehold, "migrate", faulttest.Name, "--to", kind)
		if err := r.run(cmd, k, nil); err != nil {
			return err
		}
		r.note(moved{kind})
		return nil
	}
}

// killed is an interrupted step that has to be.
func killed(s step) step {
	return func(r *recorder) error {
		if err := s(r); !ptracer.Killed(err) {
			return fmt.Errorf("it was not killed: %w", err)
		}
		return nil
	}
}

// syncs are where more is lost than anywhere else of what is done until then.
func syncs() []string { return []string{"fsync", "fdatasync"} }

// changesAndSyncs are all calls that matter to the disk.
func changesAndSyncs() []string {
	return append([]string{"write", "pwrite64", "ftruncate", "mkdirat", "renameat", "renameat2", "unlinkat"}, syncs()...)
}

// killedAtEach kills a process at the first call of these names, does what is to be done
// then, kills it at the second, and so on until it comes to its end.
func killedAtEach(names []string, s func(kill) step, then ...step) step {
	return func(r *recorder) error {
		for nth := 1; ; nth++ {
			err := s(atThe(nth, names...))(r)
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

// A kill says whether a process is to be killed at a call.
type kill func(*ptracer.Call) bool

// never is for processes that come to their end.
func never(*ptracer.Call) bool { return false }

// atThe is for the nth call of one of these names.
func atThe(nth int, names ...string) kill {
	seen := 0
	return func(c *ptracer.Call) bool {
		if slices.Contains(names, c.Name) {
			seen++
		}
		return seen == nth
	}
}

// afterTheExchange is for the sync that makes an exchange of names durable.
func afterTheExchange() kill {
	exchanged := atThe(1, "renameat2")
	done := false
	return func(c *ptracer.Call) bool {
		if done {
			return c.Name == "fsync"
		}
		done = exchanged(c)
		return false
	}
}

// aMinute passes, in which the system writes everything to the disk.
func aMinute(r *recorder) error {
	r.note(allSynced{len(r.history)})
	return r.err
}

// aCrowd is one process in which many goroutines lease and release.
func aCrowd(c crowdOrders) step {
	return func(r *recorder) error {
		c.Network = r.network
		orders, err := json.Marshal(c)
		if err != nil {
			return err
		}
		cmd := child("crowd")
		cmd.Stdin = bytes.NewReader(orders)
		return r.run(cmd, never, func(text []byte) {
			for line := range strings.Lines(string(text)) {
				e, err := parseLine(strings.Fields(line))
				r.failed(err)
				r.note(e)
			}
		})
	}
}

// parseLine reads what a member of a crowd says.
func parseLine(fields []string) (event, error) {
	if len(fields) < 2 {
		return nil, fmt.Errorf("a crowd says %q", fields)
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
	return nil, fmt.Errorf("a crowd says %q", fields)
}
