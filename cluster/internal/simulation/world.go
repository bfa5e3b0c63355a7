package simulation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/cluster"
	"github.com/leasehold/leasehold/cluster/memory"
)

// Options say what can happen in a schedule. Lost, late and doubled calls, killed processes and
// reboots always can.
type Options struct {
	Steps int // how long it is

	Evict    bool // hosts that are switched off are evicted, and machines are installed again
	Copy     bool // a store is copied to another machine
	SetBack  bool // a machine gets an old copy of its store, as by import
	Restore  bool // the engine is restored from a backup
	Recover  bool // and the space is recovered
	Leased   bool // hosts have leases of containers that are gone, before they join and after a boot
	NewStore func() backend.Store
}

// The space has six blocks of two addresses.
const (
	space  = "pods"
	prefix = "/leasehold"
	first  = "10.0.0.0"
	last   = "10.0.0.11"
)

// A world is the state of a schedule.
type world struct {
	Options
	trouble int // how much goes wrong, from 0 to 9
	*rand.Rand
	ctx       context.Context
	engine    *memory.Engine
	backups   []memory.Backup
	pool      allocator.Pool
	machines  []*machine
	processes []*process
	calls     []*call
	boots     int
	installs  int
	copies    []copied

	restoring bool // at the next moment at which a request is on its way

	// What has happened that an operator has to decide on. fenced: a host was evicted whose machine
	// is as it was.
	evicted, fenced, forged, restored bool

	counts Counts
}

// Counts are what happened in schedules.
type Counts struct {
	Leases, Claims, Evictions, Restores, Recoveries, Copies, Halts, Stops, Entries int
}

func (c *Counts) add(other Counts) {
	c.Leases += other.Leases
	c.Claims += other.Claims
	c.Evictions += other.Evictions
	c.Restores += other.Restores
	c.Recoveries += other.Recoveries
	c.Entries += other.Entries
	c.Copies += other.Copies
	c.Halts += other.Halts
	c.Stops += other.Stops
}

// A machine has a host's store, and containers.
type machine struct {
	id         string
	host       string
	store      backend.Store
	boot       string
	on         bool
	containers map[netip.Addr]int
	next       int
	seen       [][]byte // what its cache was given
}

// A copied is a store as a machine had it.
type copied struct {
	of   *machine
	from content
}

// Run runs the schedule of a seed. It returns an error if an invariant is broken.
func Run(seed uint64, o Options) (Counts, error) {
	w := &world{Options: o, Rand: rand.New(rand.NewPCG(seed, 1)), ctx: context.Background(), engine: memory.New(), pool: newPool()}
	defer func() {
		for _, p := range w.processes {
			p.stop()
		}
		for _, m := range w.machines {
			_ = m.store.Close() // Its transactions have returned their own errors.
		}
	}()
	w.trouble = w.IntN(10)
	config := cluster.Config{Block4: 2, Ranges: []string{first + "-" + last}}
	if err := cluster.NewAdmin(w.engine, prefix).Init(w.ctx, space, config); err != nil {
		return w.counts, err
	}
	for i := range 3 + w.IntN(3) {
		m := w.newMachine(fmt.Sprintf("host%d", i))
		if w.Leased && w.IntN(2) == 0 {
			w.leaseSome(m)
		}
		w.machines = append(w.machines, m)
	}
	for step := range o.Steps {
		if err := w.step(); err != nil {
			return w.counts, fmt.Errorf("step %d: %w", step, err)
		}
	}
	return w.counts, w.rest()
}

func newPool() allocator.Pool {
	r, err := allocator.NewRange(allocator.RangeSpec{
		Subnet: netip.MustParsePrefix("10.0.0.0/28"), First: netip.MustParseAddr(first), Last: netip.MustParseAddr(last), NoGateway: true,
	})
	if err == nil {
		var set allocator.Set
		if set, err = allocator.NewSet(r); err == nil {
			var pool allocator.Pool
			if pool, err = allocator.NewPool(set); err == nil {
				return pool
			}
		}
	}
	panic(err) // The ranges are constants.
}

func (w *world) newMachine(host string) *machine {
	w.installs++
	m := &machine{id: fmt.Sprintf("machine%d", w.installs), host: host, store: w.NewStore()}
	w.switchOn(m)
	return m
}

func (w *world) switchOn(m *machine) {
	w.boots++
	m.boot, m.on, m.containers = fmt.Sprintf("boot%d", w.boots), true, make(map[netip.Addr]int)
}

// switchOff ends all processes and containers of a machine.
func (w *world) switchOff(m *machine) {
	m.on, m.containers = false, nil
	for _, p := range w.processes {
		if p.machine == m {
			w.kill(p)
		}
	}
}

// kill ends a process; its calls are still on their way.
func (w *world) kill(p *process) {
	p.stop()
	p.ended = true
}

// step does one thing that can happen.
func (w *world) step() error {
	w.processes = slices.DeleteFunc(w.processes, func(p *process) bool { return p.ended })
	if w.restoring {
		w.restore()
	}
	switch n := w.IntN(1000); {
	case n < 20 && w.Recover && w.restored:
		w.recover()
	case n < 450:
		if !w.proceed() {
			w.deliver()
		}
	case n < 800:
		if !w.deliver() {
			w.proceed()
		}
	case n < 900:
		return w.containerStep()
	case n < 960:
		w.startOne()
	case n < 960+w.trouble && len(w.processes) > 0:
		w.kill(w.processes[w.IntN(len(w.processes))])
	case n < 970+w.trouble/2:
		w.power()
	case n < 975+w.trouble:
		w.mishap()
	}
	return nil
}

// proceed lets a process go on, if one can.
func (w *world) proceed() bool {
	ready := slices.DeleteFunc(slices.Clone(w.processes), func(p *process) bool { return p.call != nil || p.ended })
	if len(ready) > 0 {
		ready[w.IntN(len(ready))].resume()
	}
	return len(ready) > 0
}

// deliver does something with a call that is on its way, if there is one.
func (w *world) deliver() bool {
	if len(w.calls) == 0 {
		return false
	}
	i := w.IntN(len(w.calls))
	c := w.calls[i]
	switch n := w.IntN(30*(10-w.trouble)) - 30*(9-w.trouble); {
	case n < 5: // It arrives, and so does the answer.
		c.do()
		c.answer(nil)
	case n < 11: // It arrives, and the answer is lost.
		c.do()
		c.answer(cluster.ErrUnknown)
	case n < 17: // It is given up, and still on its way.
		c.answer(cluster.ErrUnknown)
		return true
	case n < 24: // It arrives, and will arrive again.
		c.do()
		c.answer(nil)
		return true
	default: // It is lost.
		c.answer(cluster.ErrUnknown)
	}
	w.calls = slices.Delete(w.calls, i, i+1)
	return true
}

func (c *call) answer(err error) {
	if c.from.call == c {
		c.err, c.from.call = err, nil
	}
}

// containerStep starts or ends a container.
func (w *world) containerStep() error {
	m := w.machines[w.IntN(len(w.machines))]
	if !m.on {
		return nil
	}
	if len(m.containers) == 0 && w.Leased && w.IntN(4) == 0 {
		w.releaseAll(m)
		return nil
	}
	if len(m.containers) > 0 && w.IntN(2) == 0 {
		for _, addr := range slices.SortedFunc(keysOf(m.containers), netip.Addr.Compare)[:1] {
			delete(m.containers, addr)
			return m.store.Update(w.ctx, func(tx backend.Tx) error { return tx.Delete(addr) })
		}
	}
	m.next++
	a := allocator.New(m.store, w.pool, allocator.Options{Boot: allocator.Boot{ID: m.boot}, Space: space, Now: now})
	got, err := a.Allocate(w.ctx, allocator.Request{Owner: backend.Owner{ContainerID: fmt.Sprintf("%s-%d", m.boot, m.next), IfName: "eth0"}})
	if err != nil {
		if isExpected(err) {
			return nil
		}
		return err
	}
	w.counts.Leases++
	addr := got[0].Addr.Addr()
	for _, other := range w.machines {
		if _, ok := other.containers[addr]; ok && other != m {
			return fmt.Errorf("%s is on %s (%s) and on %s (%s)", addr, m.id, m.host, other.id, other.host)
		}
	}
	m.containers[addr] = m.next
	return nil
}

// isExpected reports whether a start of a container can fail in this way.
func isExpected(err error) bool {
	var exhausted *allocator.ExhaustedError
	var member *allocator.MembershipError
	return errors.As(err, &exhausted) || errors.As(err, &member)
}

func now() time.Time { return time.Unix(1_700_000_000, 0) }

// startOne starts a process on a machine.
func (w *world) startOne() {
	m := w.machines[w.IntN(len(w.machines))]
	if !m.on || len(w.processes) > 12 {
		return
	}
	what := w.IntN(10)
	w.start(m, func(p *process) {
		member := w.member(p, m)
		w.become(member, m, what)
		switch {
		case what < 5:
			// What fails can be begun again.
			if got, _ := member.Claim(w.ctx, cluster.Want{Set: w.pool.Sets()[0], Blocks: 1 + what%2}); len(got) > 0 {
				w.counts.Claims++
			}
		case what < 8:
			_, _ = member.GiveBack(w.ctx, what%2) // likewise
		case what == 8:
			_ = member.Attest(w.ctx) // likewise
		default:
			_ = member.Audit(w.ctx) // likewise
		}
	})
}

// become makes a machine a member that has no membership, or is stopped. what chooses how.
func (w *world) become(member *cluster.Member, m *machine, what int) {
	c := contentOf(m.store)
	var err error
	switch {
	case c.membership.Stopped != "" && what%4 == 0: // Of the later store, if any, no container is left.
		err = member.Replace(w.ctx, "dc1", space, m.host)
	case c.membership.Stopped != "" && what%2 == 0:
		err = member.Rejoin(w.ctx)
	case c.membership.Stopped != "":
		_ = member.Forget(w.ctx) // Not while something is leased.
		return
	case c.membership.IsZero() && len(c.leases) > 0:
		err = member.Adopt(w.ctx, "dc1", space, m.host)
	case c.membership.IsZero():
		_ = member.Join(w.ctx, "dc1", space, m.host) // What fails can be begun again.
		return
	default:
		return
	}
	if err == nil {
		w.counts.Entries++
	}
}

// member returns the member of a machine, as a process sees it.
func (w *world) member(p *process, m *machine) *cluster.Member {
	return cluster.NewMember(store{p, m.store}, engine{p}, w.options(m))
}

func (w *world) options(m *machine) cluster.Options {
	return cluster.Options{
		Identity: cluster.Identity{Boot: m.boot, Machine: m.id}, Prefix: prefix, Now: now, Random: w.Uint64N, Cache: cache{w, m},
		NewMark: func() (mark backend.Mark) {
			for i := range mark {
				mark[i] = byte(w.Uint32())
			}
			return mark
		},
	}
}

// power switches a machine off or on. Leases of the earlier boot end sooner or later.
func (w *world) power() {
	m := w.machines[w.IntN(len(w.machines))]
	if m.on {
		w.switchOff(m)
		return
	}
	w.switchOn(m)
	if !w.Leased || w.IntN(2) == 0 {
		w.releaseAll(m)
	}
}

// releaseAll ends the leases of an earlier boot.
func (w *world) releaseAll(m *machine) {
	_ = m.store.Update(w.ctx, func(tx backend.Tx) error { // What fails shows when a container starts.
		for l, err := range tx.Leases(netip.Addr{}) {
			if err != nil {
				return err
			}
			defer tx.Delete(l.Addr) // Likewise; not while the leases are read.
		}
		return nil
	})
}

// mishap does something that only happens now and then.
func (w *world) mishap() {
	m := w.machines[w.IntN(len(w.machines))]
	switch n := w.IntN(12); {
	case n < 3 && w.Evict:
		w.evict()
	case n == 3 && w.Evict && !m.on: // It is installed again.
		m.store = w.NewStore()
		if w.Leased {
			w.leaseSome(m)
		}
		w.evicted = true // Its name is taken until it is evicted.
	case n == 4 && w.Copy && len(w.machines) < 8:
		w.forged = true
		w.counts.Copies++
		other := w.newMachine(m.host)
		contentOf(m.store).writeTo(other.store)
		w.machines = append(w.machines, other)
	case n < 7 && w.SetBack:
		w.copies = append(w.copies, copied{m, contentOf(m.store)})
	case n < 9 && w.SetBack && len(w.copies) > 0 && w.IntN(2) == 0:
		w.setBack()
	case n < 11 && w.Restore:
		w.backups = append(w.backups, w.engine.Backup())
	case w.Restore && len(w.backups) > 0:
		w.restoring = true
	}
}

// restore restores the engine from a backup while a request is on its way. At best that is for a
// block which another host has got meanwhile, and which the backup does not know to be held.
func (w *world) restore() {
	for _, c := range w.calls {
		if !c.writes || c.from.call != c || c.from.machine == nil {
			continue
		}
		for _, b := range contentOf(c.from.machine.store).blocks {
			if b.State == backend.Requested && isHeld(w.engine.Backup(), b) {
				w.restoreWithout(b)
				return
			}
		}
		if w.IntN(50) == 0 {
			w.restoreFrom(w.backups[w.IntN(len(w.backups))])
			return
		}
	}
}

// restoreWithout restores the latest backup that does not know b to be held.
func (w *world) restoreWithout(b backend.Block) {
	for _, backup := range slices.Backward(w.backups) {
		if !isHeld(backup, b) {
			w.restoreFrom(backup)
			return
		}
	}
}

func (w *world) restoreFrom(b memory.Backup) {
	w.restoring, w.restored = false, true
	w.counts.Restores++
	w.engine.Restore(b)
}

// isHeld reports whether a backup knows that a host holds the block.
func isHeld(backup memory.Backup, b backend.Block) bool {
	e := memory.New()
	e.Restore(backup)
	_, held, err := cluster.NewAdmin(e, prefix).Who(context.Background(), space, b.First)
	must(err)
	return held
}

// evict has an operator evict a host whose machine is off.
func (w *world) evict() {
	w.start(nil, func(p *process) {
		a := cluster.NewAdmin(engine{p}, prefix)
		hosts, err := a.Hosts(w.ctx, space)
		if err != nil || len(hosts) == 0 {
			return
		}
		h := hosts[w.IntN(len(hosts))]
		if slices.ContainsFunc(w.machines, func(m *machine) bool { return m.id == h.Machine && m.on }) {
			return
		}
		w.evicted = true
		w.counts.Evictions++
		_, _ = a.Evict(w.ctx, space, h) // It can be interrupted and continued.
	})
}

// setBack gives a machine a copy that its store had before: all of it, as by import, or the blocks
// alone, as by the repair of a store in which old pages were found. Its containers have ended.
func (w *world) setBack() {
	c := w.copies[w.IntN(len(w.copies))]
	if c.from.membership.IsZero() {
		return
	}
	if now := membership(c.of.store); w.IntN(2) == 0 && now.Incarnation == c.from.membership.Incarnation {
		c.from.membership, c.from.leases = now, nil
	}
	w.forged = true
	on := c.of.on
	w.switchOff(c.of)
	c.of.store = w.NewStore()
	c.from.membership = c.from.membership.Doubted()
	c.from.writeTo(c.of.store)
	if on {
		w.switchOn(c.of)
	}
}
