package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/netconf"
	"github.com/leasehold/leasehold/internal/stores"
)

const defaultDataDir = config.DefaultDataDir

// A network is one that has a store, or a configuration, or both.
type network struct {
	name  string
	path  string            // of the store
	confs []netconf.Network // the configurations; those that runtimes use come first
	waits bool              // the path is where the store waits for its place, and has to stay
}

// kind returns the kind of the store that stands at the path, or stores.None.
func (n network) kind() (string, error) { return stores.KindAt(n.path) }

// store returns the store, whatever kind it is of.
func (n network) store() backend.Store { return stores.Follow(n.path) }

// often returns the store for many transactions, each of which waits for the lock as long
// as one may.
func (t *tool) often(n network) backend.Store {
	return stores.Patient(stores.FollowOften(n.path), t.lockTimeout)
}

// reader is store for many transactions, as often has it.
func (t *tool) reader(n network) backend.Store {
	t.warnReplaced(n)
	return stores.Patient(stores.ReadOften(n.path), t.lockTimeout)
}

// store returns the store of a network to be read, and warns if that was replaced.
func (t *tool) store(n network) backend.Store {
	t.warnReplaced(n)
	return stores.Read(n.path)
}

func (t *tool) warnReplaced(n network) {
	if err := n.replaced(); errors.Is(err, backend.ErrReplaced) { // View has any other error.
		t.warnOnce("%s: %v: its leases may be out of date", n.name, err)
	}
}

// replaced returns [backend.ErrReplaced] if that is so of the store.
func (n network) replaced() error {
	replaced, err := exchange.At(n.path).Replaced()
	if err == nil && replaced {
		err = fmt.Errorf("%s: %w", n.path, backend.ErrReplaced)
	}
	return err
}

// standing is store for commands that need one to be there.
func (n network) standing() (backend.Store, error) {
	kind, err := n.kind()
	if err != nil {
		return nil, err
	}
	if kind == stores.None {
		return nil, fmt.Errorf("there is no store at %s: no lease was ever made", n.path)
	}
	return n.store(), nil
}

// networks returns the networks of the given names, or all of them.
func (t *tool) networks(names []string) ([]network, error) {
	confs, err := t.configurations()
	if err != nil {
		return nil, err
	}
	t.configured = namesOf(confs)
	all, err := t.discover(confs)
	t.discovered = slices.Clone(all)
	if err != nil || len(names) == 0 {
		return t.withoutBystanders(all), err
	}
	unseen := t.unseen
	t.unseen = nil // It does not matter for networks that are found.
	named := make([]network, 0, len(names))
	for _, name := range names {
		n, err := t.find(name, all)
		if err != nil {
			return nil, errors.Join(err, unseen)
		}
		if !slices.ContainsFunc(named, func(other network) bool { return other.path == n.path }) {
			named = append(named, n)
		}
	}
	return named, nil
}

// network returns the network of that name.
func (t *tool) network(name string) (network, error) {
	all, err := t.networks([]string{name})
	if err != nil {
		return network{}, err
	}
	return all[0], nil
}

// configurations returns what the configuration files say. Files that say nothing
// of use are told of, and passed over. A directory that is not there has none, unless
// somebody has named it, and not said either where the stores are.
func (t *tool) configurations() ([]netconf.Network, error) {
	if t.confFile != "" {
		var err error
		t.node, err = netconf.Load(t.confFile)
		if errors.Is(err, syscall.EISDIR) {
			err = fmt.Errorf("--conf %s: that is a directory; name it with --conf-dir", t.confFile)
		}
		return t.node.Networks, err
	}
	if t.confDir != "" {
		info, err := os.Stat(t.confDir)
		switch {
		case err != nil && len(t.dataDirFlag) == 0:
			return nil, flagPath("--conf-dir", err)
		case err == nil && !info.IsDir():
			return nil, fmt.Errorf("--conf-dir %s: that is a file; name it with --conf", t.confDir)
		}
	}
	var err error
	t.node, err = netconf.Read(t.confPlace())
	for _, p := range t.node.Problems {
		if !t.finding {
			t.warn("%v", p)
		}
	}
	return t.node.Networks, err
}

// confPlace returns where configurations are looked for.
func (t *tool) confPlace() string {
	return cmp.Or(t.confFile, netconf.Dir(t.confDir, t.getenv))
}

// warn writes a line to standard error that does not end the command.
func (t *tool) warn(format string, args ...any) {
	fmt.Fprintf(t.errs, "leasehold: %s\n", cli.PrintableLines(fmt.Sprintf(format, args...)))
}

// warnOnce is warn, unless it has said the same before.
func (t *tool) warnOnce(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(t.warned, text) {
		t.warn("%s", text)
		t.warned = append(t.warned, text)
	}
}

// next says what to do next, once.
func (t *tool) next(text string) {
	if text != "" && !slices.Contains(t.told, text) {
		fmt.Fprintf(t.errs, "next: %s\n", cli.Printable(text))
		t.told = append(t.told, text)
	}
}

// pools returns what the configurations of the network have to hand out.
func (n network) pools() []allocator.Pool {
	var pools []allocator.Pool
	for _, c := range n.confs {
		if c.Config != nil {
			pools = append(pools, c.Config.Pool)
		}
	}
	return pools
}

// contains reports whether a range of the network contains addr, or not all are known.
func (n network) contains(addr netip.Addr) bool {
	pools := n.pools()
	elsewhere := slices.ContainsFunc(n.confs, func(c netconf.Network) bool { return c.RangesElsewhere })
	return len(pools) == 0 || elsewhere || slices.ContainsFunc(pools, func(p allocator.Pool) bool { return p.Contains(addr) })
}

// tellNoRanges says why there is nothing to say about the ranges of a network.
func (t *tool) tellNoRanges(n network) {
	for _, c := range n.confs {
		t.warn("%s: its ranges are not known: %s: %v", n.name, c.File, c.Err)
	}
	if len(n.confs) > 0 {
		return
	}
	t.warn("%s: its ranges are not known: %s", n.name, t.notConfigured())
	t.next("name another directory with --conf-dir, or a file with --conf")
}

// notConfigured says what there is where a network is not configured.
func (t *tool) notConfigured() string {
	place := t.confPlace()
	if _, err := os.Stat(place); errors.Is(err, fs.ErrNotExist) {
		return place + " is not there"
	}
	if len(t.configured) == 0 {
		return place + " has no network of host-local"
	}
	return place + " has only " + strings.Join(t.configured, ", ")
}

// namesOf returns the names of the networks, each once.
func namesOf(confs []netconf.Network) (names []string) {
	for _, c := range confs {
		if !slices.Contains(names, c.Name) {
			names = append(names, c.Name)
		}
	}
	return names
}
