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

	"github.com/leasehold/leasehold/bench/compare/internal/measure"
)

// Names of peers.
const (
	Stock     = "stock"
	Files     = "files"
	Bolt      = "bolt"
	BoltEmpty = "bolt-at-0"    // without leases, whatever the others hold
	Polling   = "bolt-polling" // for its lock
	EmptyGo   = "empty-go"     // a program that does nothing
	EmptyC    = "empty-c"      // the same in C

	// No plugin is run for these.
	Loaded = "bolt-loaded"   // filled at once, as by a migration
	Memory = "memory"        // the store that keeps nothing on a disk
	Podman = "podman-layout" // leases in bbolt as Podman lays them out
	GoIPAM = "go-ipam"       // a library with the same purpose, in memory
)

// Names returns all names in the order in which they are shown.
func Names() []string {
	return []string{Stock, Files, Bolt, BoltEmpty, Polling, EmptyGo, EmptyC, Loaded, Memory, Podman, GoIPAM}
}

// A Peer is a program that is measured and, unless it does nothing, the store that it works
// on.
type Peer struct {
	Name    string
	Program Program
	Store   *Store // nil for a program that does nothing
}

// Add runs an ADD of the next attachment.
func (p *Peer) Add() (time.Duration, error) {
	if p.Store == nil {
		return p.Silent("ADD", Attachment{})
	}
	next, ok := p.Store.Next()
	if !ok {
		return 0, p.explain("ADD", errors.New("no address is left"))
	}
	run, err := p.Execute("ADD", next)
	if err != nil {
		return 0, err
	}
	return run.Took, p.added(run.Output, next)
}

// AddFull runs an ADD that must fail because all addresses are leased.
func (p *Peer) AddFull() (time.Duration, error) {
	if p.Store == nil {
		return p.Silent("ADD", Attachment{})
	}
	next, _ := p.Store.Next()
	command, err := p.command("ADD", next)
	if err != nil {
		return 0, err
	}
	command.Fails = true
	run, err := command.Do()
	if err == nil && !strings.Contains(run.Output, "no IP addresses available in range set") {
		err = fmt.Errorf("want an error about a full range set, got: %s", run.Output)
	}
	return run.Took, p.explain("ADD", err)
}

// AddPeak is Add, through the program peak. It returns the peak of the plugin's memory in
// bytes.
func (p *Peer) AddPeak(peak Program) (bytes float64, err error) {
	var next Attachment
	if p.Store != nil {
		next, _ = p.Store.Next()
	}
	command, err := p.command("ADD", next)
	if err != nil {
		return 0, err
	}
	command.Path, command.Args = peak.Path, []string{command.Path}
	run, err := command.Do()
	if err != nil {
		return 0, p.explain("ADD", err)
	}
	answer, bytes, err := splitPeak(run.Output)
	if err != nil || p.Store == nil {
		return bytes, p.explain("ADD", err)
	}
	return bytes, p.added(answer, next)
}

// splitPeak separates the plugin's output from the line after it, a number of KiB.
func splitPeak(output string) (answer string, bytes float64, err error) {
	output = strings.TrimSuffix(output, "\n")
	i := strings.LastIndexByte(output, '\n')
	kib, err := strconv.ParseInt(output[i+1:], 10, 64)
	if err != nil || i < 0 {
		return "", 0, fmt.Errorf("no peak of memory in the output: %s", output)
	}
	return output[:i], float64(kib << 10), nil
}

// Check runs a CHECK of the newest attachment.
func (p *Peer) Check() (time.Duration, error) {
	if p.Store == nil {
		return p.Silent("CHECK", Attachment{})
	}
	return p.Silent("CHECK", p.Store.At(p.Store.Len()-1))
}

// Delete runs a DEL of the attachment at i.
func (p *Peer) Delete(i int) (time.Duration, error) {
	if p.Store == nil {
		return p.Silent("DEL", Attachment{})
	}
	took, err := p.Silent("DEL", p.Store.At(i))
	p.Store.Remove(i)
	return took, err
}

// DeleteOldest runs a DEL of the oldest attachment.
func (p *Peer) DeleteOldest() (time.Duration, error) { return p.Delete(0) }

// DeleteNewest runs a DEL of the newest attachment.
func (p *Peer) DeleteNewest() (time.Duration, error) {
	if p.Store == nil {
		return p.Delete(0)
	}
	return p.Delete(p.Store.Len() - 1)
}

// Silent runs a command that must have no output.
func (p *Peer) Silent(command string, a Attachment) (time.Duration, error) {
	run, err := p.Execute(command, a)
	if err == nil && run.Output != "" {
		err = p.explain(command, fmt.Errorf("unexpected output: %s", run.Output))
	}
	return run.Took, err
}

// Execute runs the program as a container runtime does.
func (p *Peer) Execute(command string, a Attachment) (measure.Run, error) {
	what, err := p.command(command, a)
	if err != nil {
		return measure.Run{}, err
	}
	run, err := what.Do()
	return run, p.explain(command, err)
}

func (p *Peer) command(command string, a Attachment) (measure.Command, error) {
	var n Network // a program that does nothing reads nothing
	if p.Store != nil {
		n = p.Store.Network
	}
	stdin, err := n.Stdin(command, a.Addrs)
	return measure.Command{Path: p.Program.Path, Env: a.Container.Env(command), Stdin: stdin}, err
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
	got, err := p.Addrs(output)
	if err == nil && !slices.Equal(got, a.Addrs) {
		err = p.explain("ADD", fmt.Errorf("want addresses %s, got: %s", a.Addrs, output))
	}
	if err != nil {
		return err
	}
	return p.Store.Added(a)
}

// Addrs returns the addresses in the output of an ADD, one of each subnet.
func (p *Peer) Addrs(output string) ([]netip.Addr, error) {
	var r result
	if err := json.Unmarshal([]byte(output), &r); err != nil {
		return nil, p.explain("ADD", fmt.Errorf("%w, got: %s", err, output))
	}
	var all []netip.Addr
	subnets := p.Store.Network.Subnets
	for i, ip := range r.IPs {
		if i < len(subnets) && ip.Address.Masked() == subnets[i] {
			all = append(all, ip.Address.Addr())
		}
	}
	if len(all) != len(r.IPs) || len(all) != len(subnets) {
		return nil, p.explain("ADD", fmt.Errorf("want addresses of %s, got: %s", subnets, output))
	}
	return all, nil
}
