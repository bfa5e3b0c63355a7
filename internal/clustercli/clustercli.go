// Package clustercli defines the command lines by which operators manage addresses that hosts share.
// Two programs have them: the tool leasehold, which finds the configuration of the network and
// executes leasehold-cluster with it, and leasehold-cluster, which does what they say. So the tool,
// its completion and its manual pages know them without a client of etcd.
package clustercli

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/leasehold/leasehold/internal/cli"
)

// A Call is a parsed command line.
type Call struct {
	Command string   // the first word
	Args    []string // the others: a network, if the command has one, and a host or an address

	BlockSize uint64 // of init
	Adopt     bool   // of init
	Keep      int    // of give-back
	Fenced    bool   // of evict
	Drop      bool   // of rejoin
	Replace   bool   // of rejoin
	Done      bool   // of recover
	Local     bool   // of verify
	From, As  string // of reserve
	Empty     bool   // of reserve
	Overlap   bool   // of init
	DryRun    bool
}

// Network returns the network that the command is about; empty if it is about none.
func (c Call) Network() string {
	if c.Command == Spaces || len(c.Args) == 0 {
		return ""
	}
	return c.Args[0]
}

// The commands.
const (
	Init     = "init"
	Spaces   = "spaces"
	Hosts    = "hosts"
	Blocks   = "blocks"
	Who      = "who"
	Usage    = "usage"
	Claim    = "claim"
	Attest   = "attest"
	GiveBack = "give-back"
	Evict    = "evict"
	Rejoin   = "rejoin"
	Adopt    = "adopt"
	Recover  = "recover"
	Verify   = "verify"
	Reserve  = "reserve"
)

// Commands returns the commands. They call run.
func Commands(run func(*cobra.Command, Call) error) []*cobra.Command {
	var all []*cobra.Command
	add := func(use, short, long string, flags func(*pflag.FlagSet, *Call)) {
		call := new(Call)
		c := &cobra.Command{Use: use, Short: short, Long: long}
		least, most := operands(use)
		c.Args = cli.Arguments(least, most)
		c.RunE = func(c *cobra.Command, args []string) error {
			call.Command, call.Args = c.Name(), args
			if call.Keep < 0 {
				return fmt.Errorf("--keep %d: want a number that is not negative", call.Keep)
			}
			return run(c, *call)
		}
		if flags != nil {
			flags(c.Flags(), call)
		}
		all = append(all, c)
	}
	add(Init+" NETWORK", "Make a space: the addresses of a network, to be shared by hosts",
		`Make the space of a network, from the ranges of its configuration, once and from
any host. The size of its blocks never changes: without --block-size a block of
IPv4 has 1 address in a range set of up to 511, and up to 64 in one of 16,384 or
more; a block of IPv6 up to 256. The smallest range set decides. Each host needs
a block of each range set: a size that leaves one of them a single block is
refused, and one that leaves fewer than 8 is warned of.

Hosts that have leases in the range already have to adopt them before any of
them gets more addresses: use --adopt, run "adopt" on each of them, and then
"recover --done".`,
		func(f *pflag.FlagSet, c *Call) {
			f.Uint64Var(&c.BlockSize, "block-size", 0, "addresses of IPv4 in a block, a power of two (default: as suits the ranges)")
			f.BoolVar(&c.Adopt, "adopt", false, "hosts have leases, which they adopt first")
			f.BoolVar(&c.Overlap, "overlap", false, "another space has these addresses too: it is another network")
			f.BoolVar(&c.DryRun, "dry-run", false, "only show what would be made")
		})
	add(Spaces+" CLUSTER", "List the spaces of a cluster", `List the spaces that hosts share through the servers of a cluster. As JSON: an
array of {space, ranges, block4, block6, hosts, blocks, addresses, held,
halted}; halted is why no host gets addresses, and empty otherwise.`, nil)
	add(Hosts+" NETWORK", "List the hosts that share a network", `List the hosts that share a network, and how many blocks each holds. As JSON: an
array of {host, state, blocks, address, machine, boot, ranges, program,
disputes}; state is member, evicted, reported (in a recovery) or foreign (other
software).`, nil)
	add(Blocks+" NETWORK", "List the blocks that hosts hold", `List the blocks of addresses that hosts hold. As JSON: an array of {first, last,
host, also}; also is there if the block is held for more software than one, and
has the names of the others.`, nil)
	add(Who+" NETWORK ADDRESS", "Show which host holds an address", `Show which host holds the block of an address; "leasehold who" there says which
container has it. As JSON: {first, last, host, also}, as by "blocks". The exit
status is 1 if no host holds it.`, nil)
	add(Usage+" NETWORK", "Show how much of a network its hosts hold", `Show how much of the space of a network its hosts hold, leased or not. As JSON:
an object as in the array of "spaces".`, nil)
	add(Claim+" NETWORK", "Get blocks of addresses for this host, if it has no free address", `Get blocks of addresses for this host, if a range set of the network has no free
address, or if CNI_ARGS requests an address that this host does not hold. A host
that is not a member of the space joins it. The plugin does this by itself. It
prints the blocks that it has got.`, nil)
	add(Attest+" NETWORK", "Have the servers confirm what this host holds", `Have the servers confirm what this host holds, which is needed once after each
boot before an address can be leased. A host that is not a member of the space
joins it. The plugin does this by itself. In a recovery, the host reports what
it holds.`, nil)
	add(GiveBack+" NETWORK", "Give blocks back in which nothing is leased", `Give blocks back in which nothing is leased, so that other hosts can have them.
It prints them. An agent that runs here may claim some again: stop it before
this host is evicted. With "reuseAfterStrict", blocks are kept whose addresses
are withheld.`,
		func(f *pflag.FlagSet, c *Call) {
			f.IntVar(&c.Keep, "keep", 0, "how many such blocks of each family to keep")
		})
	add(Evict+" NETWORK HOST", "Free the blocks of a host that is gone", `Free the blocks of a host, so that other hosts can have them. It must be powered
off, not suspended or saved; or its agent is stopped, and it has given its
blocks back and starts no container: others get its addresses from now on, and a
host that is on does not know that, nor one that is resumed. --fenced says that
you have made sure of it. Look at the machine and address that are shown: two
machines can have had one name. When it is switched on again, it leases nothing.`,
		func(f *pflag.FlagSet, c *Call) {
			f.BoolVar(&c.Fenced, "fenced", false, "the host is powered off, or has given its blocks back and starts nothing")
			f.BoolVar(&c.DryRun, "dry-run", false, "only show what would be done")
		})
	add(Rejoin+" NETWORK", "Make this host a member again after it was stopped", `Make this host a member again that was evicted, copied or moved to another
machine, with the leases that it has, under the name in the file of the cluster.
Nothing is changed if another host holds one of their blocks by now, except in a
recovery, which cannot end then. With --drop, for a host without leases, it
forgets its membership, and joins as a new host. With --replace, after a store
was put back, it takes the place of the store with which this machine is the
host: containers that were made since must be gone.`,
		func(f *pflag.FlagSet, c *Call) {
			f.BoolVar(&c.Drop, "drop", false, "forget the membership; nothing may be leased")
			f.BoolVar(&c.Replace, "replace", false, "take the place of a store that is gone, or newer than this one")
			f.BoolVar(&c.DryRun, "dry-run", false, "only show how this host and the servers differ")
		})
	add(Adopt+" NETWORK", "Make this host a member, with the leases that it has", `Make this host a member of the space, with the blocks in which it has leases
already. After "init --adopt" it leases nothing before "recover --done", which
refuses while another host holds one of these blocks. In any other space nothing
is changed if another host holds one of them.`, nil)
	add(Recover+" NETWORK", "Recover a space whose servers were restored from a backup", `Begin the recovery of a space that was halted, because its servers have
forgotten what hosts had done. Each host then reports what it holds when it next
needs addresses, or when "attest" is run there. Evict those that are gone, and
those that were booted since, on which "rejoin --drop" is then to be run. A host
that has joined since the backup is in no list, or listed as evicted: see that
it reports, too. When all have reported, --done ends the recovery.`,
		func(f *pflag.FlagSet, c *Call) {
			f.BoolVar(&c.Done, "done", false, "end the recovery: all hosts that run have reported")
			f.BoolVar(&c.DryRun, "dry-run", false, "only show which hosts have not reported")
		})
	add(Verify+" NETWORK", "Find problems with a space, or with this host in it", `Find problems with a space: blocks that no living host holds, hosts with
different ranges, a space that is halted. With --local, compare the store of
this host with the servers. It changes nothing. The exit status is 1 if there is
a problem.`,
		func(f *pflag.FlagSet, c *Call) {
			f.BoolVar(&c.Local, "local", false, "compare the store of this host with the servers")
		})
	add(Reserve+" NETWORK FILE", "Hold addresses that other software has given out", `Hold the blocks of addresses that other software has given to containers, so
that no host gets them, and free the blocks that were held for it and in which
none of its addresses is left. Run it again until there are none. FILE has what

  kubectl get ippools.whereabouts.cni.cncf.io -A -o json
  kubectl get overlappingrangeipreservations.whereabouts.cni.cncf.io -A -o json

print, one after the other, or with --from addresses an address in each line; -
is the standard input. Without any address in it nothing is freed, unless
--empty is given. Addresses in blocks that a host holds are listed, and the exit
status is 1 then. A block that is held for other software already, under another
name, is held until both have freed it. As JSON: {blocks, freed, taken,
outside}; taken is an array of {address, host}, outside one of addresses that
are not in the space.`,
		func(f *pflag.FlagSet, c *Call) {
			f.StringVar(&c.From, "from", "whereabouts", "what FILE has: whereabouts or addresses")
			f.BoolVar(&c.Empty, "empty", false, "FILE has no addresses because no container has any: free all blocks")
			f.StringVar(&c.As, "as", "", "for whom the blocks are held (default: the value of --from)")
		})
	return all
}

// operands returns how many operands a usage line has.
func operands(use string) (least, most int) {
	for _, c := range use {
		if c == ' ' {
			least++
		}
	}
	return least, least
}

// Line returns the command line of leasehold-cluster for the one that was parsed by c, with the output
// format.
func Line(c *cobra.Command, args []string, output string) []string {
	line := []string{c.Name()}
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			line = append(line, "--"+f.Name+"="+f.Value.String())
		}
	})
	if output != "" {
		line = append(line, "--output="+output)
	}
	return append(append(line, "--"), args...)
}
