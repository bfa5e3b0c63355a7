package peers

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/leasehold/leasehold/internal/measure"
)

// Names of peers.
const (
	Stock     = "stock"
	Files     = "files"
	Bolt      = "bolt"
	BoltEmpty = "bolt-at-0" // without leases, whatever the others hold
	EmptyGo   = "empty-go"  // a program that does nothing

	// These are linked.
	Memory = "memory"        // the store that keeps nothing on a disk
	Podman = "podman-layout" // leases in bbolt as Podman lays them out

	// Another version of leasehold, if there is one to compare with.
	BoltBefore  = "bolt-before"
	FilesBefore = "files-before"
)

// Names returns all names in the order in which they are shown.
func Names() []string {
	return []string{Stock, Files, Bolt, BoltEmpty, EmptyGo, Memory, Podman, BoltBefore, FilesBefore}
}

// A Peer is a program that is measured, and the store that it works on.
type Peer struct {
	Name    string
	Program Program
	Store   *Store

	inProcess bool // see [Peer.InProcess]
}

// empty reports whether the program does nothing.
func (p *Peer) empty() bool { return p.Store.kind == "" }

// Add runs an ADD of the next attachment.
func (p *Peer) Add() (time.Duration, error) {
	next, ok := p.Store.Next()
	if !ok {
		return 0, p.explain("ADD", errors.New("no address is left"))
	}
	run, err := p.execute("ADD", p.command("ADD", next))
	if err != nil {
		return 0, err
	}
	return run.Took, p.added(run.Output, next)
}

// AddTo runs an ADD for a container that may get any addresses, and returns which it got.
func (p *Peer) AddTo(c measure.Container) (Attachment, time.Duration, error) {
	a := Attachment{Container: c}
	run, err := p.execute("ADD", p.command("ADD", a))
	if err == nil {
		a.Addrs, err = p.addrs(run.Output)
	}
	return a, run.Took, err
}

// AddFull runs an ADD that must fail because all addresses are leased.
func (p *Peer) AddFull() (time.Duration, error) {
	next, _ := p.Store.Next()
	command := p.command("ADD", next)
	command.Fails = !p.empty()
	run, err := p.execute("ADD", command)
	if err == nil && !p.empty() && !strings.Contains(run.Output, "no IP addresses available in range set") {
		err = p.explain("ADD", fmt.Errorf("want an error about a full range set, got: %s", run.Output))
	}
	return run.Took, err
}

// AddPeak is Add, through the program peak. It returns the peak of the plugin's memory in
// bytes.
func (p *Peer) AddPeak(peak Program) (bytes float64, err error) {
	next, _ := p.Store.Next()
	command := p.command("ADD", next)
	command.Path, command.Args = peak.Path, []string{command.Path}
	run, err := p.execute("ADD", command)
	if err != nil {
		return 0, err
	}
	answer, peaked, _ := strings.Cut(run.Output, "\npeak ")
	kib, err := strconv.ParseFloat(strings.TrimSuffix(peaked, "\n"), 64)
	if err != nil {
		return 0, p.explain("ADD", fmt.Errorf("no peak of memory in the output: %s", run.Output))
	}
	return kib * 1024, p.added(answer, next)
}

// Check runs a CHECK of the newest attachment.
func (p *Peer) Check() (time.Duration, error) { return p.silent("CHECK", p.Store.At(p.Store.Len()-1)) }

// Delete runs a DEL of an attachment that was removed from the record of the store.
func (p *Peer) Delete(a Attachment) (time.Duration, error) { return p.silent("DEL", a) }

// DeleteOldest runs a DEL of the oldest attachment.
func (p *Peer) DeleteOldest() (time.Duration, error) { return p.Delete(p.Store.Remove(0)) }

// silent runs a command that must have no output.
func (p *Peer) silent(command string, a Attachment) (time.Duration, error) {
	run, err := p.execute(command, p.command(command, a))
	if err == nil && run.Output != "" {
		err = p.explain(command, fmt.Errorf("unexpected output: %s", run.Output))
	}
	return run.Took, err
}

func (p *Peer) execute(command string, what measure.Command) (measure.Run, error) {
	do := measure.Command.Do
	if p.inProcess {
		do = doInProcess
	}
	run, err := do(what)
	return run, p.explain(command, err)
}

// command returns the program as a container runtime runs it.
func (p *Peer) command(command string, a Attachment) measure.Command {
	return measure.Command{
		Path: p.Program.Path, Env: a.Container.Env(command), Stdin: p.Store.Network.Stdin(command, a.Addrs),
	}
}

func (p *Peer) explain(command string, err error) error {
	if err != nil {
		err = fmt.Errorf("%s of %s: %w", command, p.Name, err)
	}
	return err
}

// added checks that the output of an ADD has the addresses of the attachment and no others,
// and records them.
func (p *Peer) added(output string, a Attachment) error {
	got, err := p.addrs(output)
	if err != nil {
		return err
	}
	if !p.empty() && !slices.Equal(got, a.Addrs) {
		return p.explain("ADD", fmt.Errorf("want addresses %s, got: %s", a.Addrs, output))
	}
	return p.Store.Added(a)
}

// addrs returns the addresses in the output of an ADD, one of each subnet. An empty program has
// no output.
func (p *Peer) addrs(output string) ([]netip.Addr, error) {
	if p.empty() {
		return nil, nil
	}
	var result struct {
		IPs []struct{ Address netip.Prefix }
	}
	if err := json.Unmarshal([]byte(output), &result); err != nil {
		return nil, p.explain("ADD", fmt.Errorf("%w, got: %s", err, output))
	}
	var all []netip.Addr
	subnets := p.Store.Network.Subnets
	for i, ip := range result.IPs {
		if i < len(subnets) && ip.Address.Masked() == subnets[i] {
			all = append(all, ip.Address.Addr())
		}
	}
	if len(all) != len(result.IPs) || len(all) != len(subnets) {
		return nil, p.explain("ADD", fmt.Errorf("want addresses of %s, got: %s", subnets, output))
	}
	return all, nil
}
