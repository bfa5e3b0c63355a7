package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"syscall"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/exchange"
	"github.com/leasehold/leasehold/internal/netconf"
	"github.com/leasehold/leasehold/internal/shell"
	"github.com/leasehold/leasehold/internal/stores"
)

const defaultDataDir = config.DefaultDataDir

// A network has a store, a configuration, or both.
type network struct {
	name      string
	path      string            // of the store
	confs     []netconf.Network // its configurations, the ones that runtimes use first
	isWaiting bool              // path is a waiting store in .leasehold, which must not be moved
	main      string            // the path of the main network of several with one store; empty for that network itself
}

// word returns the name as a word of a command. The name of a waiting store is the name of a file, which can
// have any form.
func (n network) word() string { return shell.Quote(n.name) }

// kind returns the kind of the store at the path, or stores.None.
func (n network) kind() (string, error) { return stores.KindAt(n.path) }

// store returns the store of either kind.
func (n network) store() backend.Store { return stores.Follow(n.path) }

// storeForPortions returns the store for work in several transactions, each of which waits
// for the lock up to --lock-timeout.
func (t *tool) storeForPortions(n network) backend.Store {
	return stores.Patient(stores.FollowOften(n.path), t.lockTimeout)
}

// readStoreInPortions is readStore for several transactions, like storeForPortions.
func (t *tool) readStoreInPortions(n network) backend.Store {
	t.warnReplaced(n)
	return stores.Patient(stores.ReadOften(n.path), t.lockTimeout)
}

// readStore returns the store for reading, and warns if the store was replaced.
func (t *tool) readStore(n network) backend.Store {
	t.warnReplaced(n)
	return stores.Read(n.path)
}

// glance is readStore for a look at a few leases.
func (t *tool) glance(n network) backend.Store {
	t.warnReplaced(n)
	return stores.Glance(n.path)
}

func (t *tool) warnReplaced(n network) {
	if err := n.replaced(); errors.Is(err, backend.ErrReplaced) { // View returns any other error.
		t.warnOnce("%s: %v: its leases may be out of date", n.name, err)
	}
}

// replaced returns [backend.ErrReplaced] if the store was replaced.
func (n network) replaced() error {
	replaced, err := exchange.At(n.path).Replaced()
	if err == nil && replaced {
		err = fmt.Errorf("%s: %w", n.path, backend.ErrReplaced)
	}
	return err
}

// existingStore is store for commands that fail if the network has none.
func (n network) existingStore() (backend.Store, error) {
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
		return t.oneOfEachStore(t.withoutStrays(all)), err
	}
	incomplete := t.incomplete
	t.incomplete = nil // An incomplete search does not matter if it finds the named networks.
	named := make([]network, 0, len(names))
	for _, name := range names {
		n, err := t.findNetwork(name, all)
		if err != nil {
			return nil, errors.Join(err, incomplete)
		}
		if !slices.ContainsFunc(named, func(other network) bool { return sameStore(other, n) }) {
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

// configurations reads the configuration files, and warns about files that it cannot use. A
// missing directory is an error only if --conf-dir names it and --data-dir is not given:
// with --data-dir the stores can be found without configurations.
func (t *tool) configurations() ([]netconf.Network, error) {
	if t.confFile != "" {
		var err error
		t.node, err = netconf.Load(t.confFile)
		if errors.Is(err, syscall.EISDIR) {
			err = fmt.Errorf("--conf %s: this is a directory: use --conf-dir", t.confFile)
		}
		return t.node.Networks, err
	}
	if t.confDir != "" {
		info, err := os.Stat(t.confDir)
		switch {
		case err != nil && len(t.dataDirFlag) == 0:
			return nil, flagPath("--conf-dir", err)
		case err == nil && !info.IsDir():
			return nil, fmt.Errorf("--conf-dir %s: this is a file: use --conf", t.confDir)
		}
	}
	var err error
	t.node, err = netconf.Read(t.confLocation())
	for _, p := range t.node.Problems {
		if !t.reportProblems {
			t.warn("%v", p)
		}
	}
	return t.node.Networks, err
}

// confLocation returns the file or directory of the configurations.
func (t *tool) confLocation() string {
	return cmp.Or(t.confFile, netconf.Dir(t.confDir, t.getenv))
}

// warn writes a line to standard error.
func (t *tool) warn(format string, args ...any) {
	fmt.Fprintf(t.errs, "leasehold: %s\n", cli.PrintableLines(fmt.Sprintf(format, args...)))
}

// warnOnce is warn, unless the same text was printed before.
func (t *tool) warnOnce(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(t.warned, text) {
		t.warn("%s", text)
		t.warned = append(t.warned, text)
	}
}

// printNext prints what to do next, unless the same advice was printed before.
func (t *tool) printNext(text string) {
	if text != "" && !slices.Contains(t.advised, text) {
		fmt.Fprintf(t.errs, "next: %s\n", cli.Printable(text))
		t.advised = append(t.advised, text)
	}
}

// pools returns the different pools of the network's configurations.
func (n network) pools() []allocator.Pool {
	var pools []allocator.Pool
	for _, c := range n.confs {
		if c.Config != nil && !slices.ContainsFunc(pools, func(p allocator.Pool) bool { return reflect.DeepEqual(p, c.Config.Pool) }) {
			pools = append(pools, c.Config.Pool)
		}
	}
	return pools
}

// renews reports whether a repeated ADD renews leases, as far as the configurations are known.
func (n network) renews() bool {
	return slices.ContainsFunc(n.confs, func(c netconf.Network) bool {
		return c.Config != nil && c.Config.OnDuplicate == allocator.ReturnExisting
	})
}

// contains reports whether a range of the network contains addr. If not all ranges are
// known, it returns true.
func (n network) contains(addr netip.Addr) bool {
	pools := n.pools()
	elsewhere := slices.ContainsFunc(n.confs, func(c netconf.Network) bool { return c.RangesElsewhere })
	return len(pools) == 0 || elsewhere || slices.ContainsFunc(pools, func(p allocator.Pool) bool { return p.Contains(addr) })
}

// warnNoRanges says why the ranges of a network are not known.
func (t *tool) warnNoRanges(n network) {
	for _, c := range n.confs {
		t.warn("%s: its ranges are not known: %s: %v", n.name, c.File, c.Err)
	}
	if len(n.confs) > 0 {
		return
	}
	if slices.Contains(t.configured, n.name) {
		t.warn("%s: the ranges of the store %s are not known: the configuration of %s has another \"dataDir\"", n.name, n.path, n.name)
		return
	}
	t.warn("%s: its ranges are not known: %s", n.name, t.notConfigured())
	t.printNext("specify another directory with --conf-dir, or a file with --conf")
}

// notConfigured says what was found instead of the configuration of a network.
func (t *tool) notConfigured() string {
	location := t.confLocation()
	if _, err := os.Stat(location); errors.Is(err, fs.ErrNotExist) {
		return location + " does not exist"
	}
	if len(t.configured) == 0 {
		return location + " has no network that uses host-local"
	}
	return location + " has only " + strings.Join(t.configured, ", ")
}

// namesOf returns the names of the networks without duplicates.
func namesOf(confs []netconf.Network) (names []string) {
	for _, c := range confs {
		if !slices.Contains(names, c.Name) {
			names = append(names, c.Name)
		}
	}
	return names
}
