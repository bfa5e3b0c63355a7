package simulation

import (
	"context"
	"iter"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/cluster"
)

// A process is a coroutine that calls a Member or an Admin.
type process struct {
	world   *world
	machine *machine // nil: of an operator
	resume  func() (struct{}, bool)
	stop    func()
	yield   func(struct{}) bool
	call    *call // that it waits for; nil: it can go on
	ended   bool
}

// killed is the panic by which a process that was killed ends.
type killed struct{}

// start starts a process, which runs when it is stepped.
func (w *world) start(m *machine, body func(p *process)) *process {
	p := &process{world: w, machine: m}
	p.resume, p.stop = iter.Pull(func(yield func(struct{}) bool) {
		p.yield = yield
		defer func() {
			p.ended = true
			if r := recover(); r != nil && r != (killed{}) {
				panic(r)
			}
		}()
		body(p)
	})
	w.processes = append(w.processes, p)
	return p
}

// pause lets others go on.
func (p *process) pause() {
	if !p.yield(struct{}{}) {
		panic(killed{})
	}
}

// A call is a call of the engine on its way.
type call struct {
	from   *process
	writes bool
	do     func() // asks the engine, and keeps the result
	err    error
}

// ask sends a call and waits for its end.
func (p *process) ask(writes bool, do func()) error {
	c := &call{from: p, writes: writes, do: do}
	p.call = c
	p.world.calls = append(p.world.calls, c)
	for p.call != nil {
		p.pause()
	}
	return c.err
}

// An engine is the engine as a process sees it.
type engine struct{ *process }

func (e engine) Commit(ctx context.Context, t cluster.Txn) (out cluster.Outcome, err error) {
	var result cluster.Outcome
	if lost := e.ask(len(t.If) > 0, func() { result, err = e.world.engine.Commit(ctx, t) }); lost != nil {
		return out, lost
	}
	return result, err
}

func (e engine) Range(ctx context.Context, from, to string, stale bool) (found []cluster.Entry, err error) {
	var result []cluster.Entry
	if lost := e.ask(false, func() { result, err = e.world.engine.Range(ctx, from, to, stale) }); lost != nil {
		return nil, lost
	}
	return result, err
}

func (e engine) Origin(ctx context.Context) (o cluster.Origin, err error) {
	var result cluster.Origin
	if lost := e.ask(false, func() { result, err = e.world.engine.Origin(ctx) }); lost != nil {
		return o, lost
	}
	return result, err
}

// A store is the store of a machine as a process sees it: it can be killed before and after each
// transaction.
type store struct {
	*process
	backend.Store
}

func (s store) View(ctx context.Context, fn func(backend.ReadTx) error) error {
	s.pause()
	return s.Store.View(ctx, fn)
}

func (s store) Update(ctx context.Context, fn func(backend.Tx) error) error {
	s.pause()
	err := s.Store.Update(ctx, fn)
	s.pause()
	return err
}
