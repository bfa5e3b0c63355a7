//go:build linux

package powercut

import (
	"context"
	"hash/maphash"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// A player plays a history and cuts the power after each event.
type player struct {
	workload Workload
	history  history
	start    int // index of the first event to cut after
	checker  *checker
	dir      string // contains the vault
	keep     string // directory for bad images
	random   *rand.Rand
	seed     maphash.Seed
	answers  map[uint64]answer // by the hash of the image
	cuts     int
	torn     int
}

func newPlayer(w Workload, h history, start int, c *checker, dir, keep string) *player {
	return &player{
		workload: w, history: h, start: start, checker: c, dir: dir, keep: keep,
		random: rand.New(rand.NewPCG(1, 2)), seed: maphash.MakeSeed(), answers: map[uint64]answer{},
	}
}

// playUntil plays the history until it has built the wanted number of different images, or
// hardly finds new ones.
func (p *player) playUntil(ctx context.Context, wanted int) error {
	if err := p.cutAfterEachEvent(ctx, p.oneByOne); err != nil {
		return err
	}
	for len(p.answers) < wanted {
		cuts, known := p.cuts, len(p.answers)
		if err := p.cutAfterEachEvent(ctx, p.atRandom); err != nil {
			return err
		}
		if len(p.answers)-known <= (p.cuts-cuts)/40 {
			break
		}
	}
	return nil
}

// cutAfterEachEvent plays the history once and calls try after each event.
func (p *player) cutAfterEachEvent(ctx context.Context, try func(*moment, int) error) error {
	m := newMoment()
	for i, e := range p.history {
		if err := m.apply(e); err != nil {
			return err
		}
		if i+1 < p.start {
			continue
		}
		if err := try(m, i+1); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// Sizes of the pieces that disks and kernels write as a whole.
const (
	sector = 512
	page   = 4096
)

// maxSingles limits how many unsynced changes are tried alone: only this one lost, and only
// this one surviving. Changes of names come first.
const maxSingles = 6

// oneByOne tries cuts that lose nothing, everything, one change, or all but one. Most
// faults show here.
func (p *player) oneByOne(m *moment, after int) error {
	all := &cut{piece: page, keeps: func(int) bool { return true }}
	if err := p.cut(m, after, all); err != nil {
		return err
	}
	if err := p.cut(m, after, &cut{piece: page, keeps: func(int) bool { return false }}); err != nil {
		return err
	}
	for one := range min(all.asked, maxSingles) {
		if err := p.cut(m, after, &cut{piece: page, keeps: func(i int) bool { return i != one }}); err != nil {
			return err
		}
		if err := p.cut(m, after, &cut{piece: page, keeps: func(i int) bool { return i == one }}); err != nil {
			return err
		}
	}
	return p.atRandom(m, after)
}

// atRandom tries random cuts for each piece size; more if there are more unsynced changes.
func (p *player) atRandom(m *moment, after int) error {
	for _, piece := range []int64{sector, page} {
		for tried, more := 0, 1; tried < more; tried++ {
			share := []float64{0.1, 0.5, 0.9}[p.random.IntN(3)]
			c := &cut{piece: piece, keeps: func(int) bool { return p.random.Float64() < share }}
			if err := p.cut(m, after, c); err != nil {
				return err
			}
			if c.asked == 0 {
				return nil // Everything is synced.
			}
			more = 1 + min(c.asked/16, 8)
		}
	}
	return nil
}

// cut compares the image after a cut with the promises. The checker is asked only once for
// each image.
func (p *player) cut(m *moment, after int, c *cut) error {
	p.cuts++
	i := m.disk.imageAfter(c)
	sum := i.sum(p.seed)
	a, known := p.answers[sum]
	if !known {
		var err error
		if a, err = p.ask(i); err != nil {
			return p.keepBad(i, after, c, err)
		}
		p.answers[sum] = a
		if a.Torn {
			p.torn++
		}
	}
	err := m.promises.check(a.Kind, a.Holding)
	if err == nil {
		err = m.promises.checkMemory(a.Memory, a.Holding, p.workload.network)
	}
	if err != nil {
		return p.keepBad(i, after, c, err)
	}
	return nil
}

// exhaustEvery: the checker exhausts the pool of one image in 16, because that takes longer
// than all else.
const exhaustEvery = 16

// ask asks the checker about an image.
func (p *player) ask(i image) (answer, error) {
	root := filepath.Join(p.dir, "image")
	if err := i.create(root, filepath.Join(p.dir, "vault")); err != nil {
		return answer{}, err
	}
	number := len(p.answers)
	n := p.workload.configured(p.workload.network).With("onReboot", "keep")
	n.Dir = filepath.Join(root, dataDir)
	a, err := p.checker.ask(question{Network: n, Migrate: p.workload.migrateTarget(number), Whole: number%exhaustEvery == 0})
	if err == nil {
		err = a.wrong()
	}
	if err != nil {
		return a, err
	}
	return a, os.RemoveAll(root)
}

// keepBad keeps an image as it was before the checker used it.
func (p *player) keepBad(i image, after int, c *cut, wrong error) error {
	dir := p.keep
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "leasehold-powercut-"); err != nil {
			return err
		}
	}
	e := &BadImage{Dir: filepath.Join(dir, "image"), Event: after - p.start, Lost: c.lost, Wrong: wrong}
	for _, event := range p.history[max(0, after-8):after] {
		e.Last = append(e.Last, event.String())
	}
	vault, err := os.MkdirTemp(dir, "vault-")
	if err == nil {
		err = i.create(e.Dir, vault)
	}
	e.keepErr = err
	return e
}
