// Package contest has plugins do what container runtimes have them do, by turns, and
// checks what they answer.
//
// Every answer is checked: which addresses an ADD gives is known beforehand. So no
// plugin is measured that is fast because it does something else. The first that is
// not right ends the comparison.
package contest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/leasehold/leasehold/bench/compare/internal/container"
	"github.com/leasehold/leasehold/bench/compare/internal/process"
	"github.com/leasehold/leasehold/bench/compare/internal/program"
	"github.com/leasehold/leasehold/bench/compare/internal/store"
)

// Names of contestants.
const (
	Stock     = "stock"
	Files     = "files"
	Bolt      = "bolt"
	BoltEmpty = "bolt at 0"     // whatever the others hold
	Polling   = "bolt, polling" // for its lock
	EmptyGo   = "empty Go"      // a program that does nothing
	EmptyC    = "empty C"       // the same in C

	// What no plugin is executed for.
	Loaded = "bolt, loaded"  // filled at once, as by a migration
	Memory = "memory"        // the store that keeps nothing on a disk
	Podman = "podman layout" // leases in bbolt as Podman lays them out
	GoIPAM = "go-ipam"       // a library of the same purpose, in memory
)

// Names returns all names in the order in which they are shown.
func Names() []string {
	return []string{Stock, Files, Bolt, BoltEmpty, Polling, EmptyGo, EmptyC, Loaded, Memory, Podman, GoIPAM}
}

// A Contestant is a program that is measured and, unless it does nothing, the
// store that it works on.
type Contestant struct {
	Name    string
	Program program.Program
	Store   *store.Store // nil for a program that does nothing
}

// Add runs an ADD for the attachment that is next.
func (c *Contestant) Add() (time.Duration, error) {
	if c.Store == nil {
		return c.idle("ADD")
	}
	next, ok := c.Store.Next()
	if !ok {
		return 0, c.explain("ADD", errors.New("no address is left"))
	}
	run, err := c.Execute("ADD", next)
	if err != nil {
		return 0, err
	}
	if err := c.checkResult(run.Output, next); err != nil {
		return 0, c.explain("ADD", err)
	}
	return run.Took, c.Store.Added(next)
}

// AddInVain runs an ADD when all addresses are leased.
func (c *Contestant) AddInVain() (time.Duration, error) {
	if c.Store == nil {
		return c.idle("ADD")
	}
	next, _ := c.Store.Next()
	command, err := c.command("ADD", next)
	if err != nil {
		return 0, err
	}
	command.Fails = true
	run, err := command.Do()
	if err == nil && !strings.Contains(run.Output, "no IP addresses available in range set") {
		err = fmt.Errorf("want it to say that no address is left, got: %s", run.Output)
	}
	return run.Took, c.explain("ADD", err)
}

// Check runs a CHECK of the newest attachment.
func (c *Contestant) Check() (time.Duration, error) {
	if c.Store == nil {
		return c.idle("CHECK")
	}
	return c.silent("CHECK", c.Store.At(c.Store.Len()-1))
}

// Delete runs a DEL of the attachment at i of those in the store.
func (c *Contestant) Delete(i int) (time.Duration, error) {
	if c.Store == nil {
		return c.idle("DEL")
	}
	took, err := c.silent("DEL", c.Store.At(i))
	c.Store.Remove(i)
	return took, err
}

// DeleteOldest runs a DEL of the attachment that came before all others.
func (c *Contestant) DeleteOldest() (time.Duration, error) { return c.Delete(0) }

// DeleteNewest runs a DEL of the attachment that came last.
func (c *Contestant) DeleteNewest() (time.Duration, error) {
	if c.Store == nil {
		return c.idle("DEL")
	}
	return c.Delete(c.Store.Len() - 1)
}

// idle runs a program that does nothing.
func (c *Contestant) idle(command string) (time.Duration, error) {
	return c.silent(command, store.Attachment{})
}

// silent runs a command that answers nothing.
func (c *Contestant) silent(command string, a store.Attachment) (time.Duration, error) {
	run, err := c.Execute(command, a)
	if err == nil && run.Output != "" {
		err = c.explain(command, fmt.Errorf("unexpected output: %s", run.Output))
	}
	return run.Took, err
}

// Execute runs the program as a container runtime does.
func (c *Contestant) Execute(command string, a store.Attachment) (process.Run, error) {
	what, err := c.command(command, a)
	if err != nil {
		return process.Run{}, err
	}
	run, err := what.Do()
	return run, c.explain(command, err)
}

func (c *Contestant) command(command string, a store.Attachment) (process.Command, error) {
	var n container.Network // a program that does nothing reads nothing
	if c.Store != nil {
		n = c.Store.Network
	}
	stdin, err := n.For(command, a.Addrs)
	return process.Command{Path: c.Program.Path, Env: a.Container.Env(command), Stdin: stdin}, err
}

func (c *Contestant) explain(command string, err error) error {
	if err != nil {
		err = fmt.Errorf("%s of %s: %w", command, c.Name, err)
	}
	return err
}

// checkResult holds that the output is the result of an ADD with the addresses of
// the attachment and no others.
func (c *Contestant) checkResult(output string, a store.Attachment) error {
	got, err := Addrs(output)
	if err != nil {
		return fmt.Errorf("%w: %s", err, output)
	}
	if want := c.Store.Network.Prefixes(a.Addrs); !slices.Equal(got, want) {
		return fmt.Errorf("want addresses %s, got: %s", want, output)
	}
	return nil
}

// Addrs returns the addresses in the result of an ADD.
func Addrs(output string) ([]netip.Prefix, error) {
	var result struct {
		IPs []struct {
			Address netip.Prefix `json:"address"`
		} `json:"ips"`
	}
	if err := json.Unmarshal([]byte(output), &result); err != nil {
		return nil, err
	}
	var all []netip.Prefix
	for _, ip := range result.IPs {
		all = append(all, ip.Address)
	}
	return all, nil
}
