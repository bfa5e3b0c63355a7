//go:build linux

package powercut

import (
	"context"
	"hash/maphash"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// A play goes through a history and cuts the power after each event.
type play struct {
	workload Workload
	history  history
	start    int // where the events begin that are cut after
	checker  *checker
	dir      string // with the vault
	keep     string // where bad images go
	random   *rand.Rand
	seed     maphash.Seed
	answers  map[uint64]answer // by the sum of the image
	cuts     int
	torn     int
}

func newPlay(w Workload, h history, start int, c *checker, dir, keep string) *play {
	return &play{
		workload: w, history: h, start: start, checker: c, dir: dir, keep: keep,
		random: rand.New(rand.NewPCG(1, 2)), seed: maphash.MakeSeed(), answers: map[uint64]answer{},
	}
}

// untilEnough plays again until so many images were different, or there are hardly any
// new ones.
func (p *play) untilEnough(ctx context.Context, wanted int) error {
	if err := p.through(ctx, p.oneByOne); err != nil {
		return err
	}
	for len(p.answers) < wanted {
		cuts, known := p.cuts, len(p.answers)
		if err := p.through(ctx, p.atRandom); err != nil {
			return err
		}
		if len(p.answers)-known <= (p.cuts-cuts)/40 {
			break
		}
	}
	return nil
}

// through tries cuts after each event.
func (p *play) through(ctx context.Context, try func(*moment, int) error) error {
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

// What disks and kernels write at once.
const (
	sector = 512
	page   = 4096
)

// fewOnes is for how many of the things that are not synced it is tried what happens if
// one of them alone is lost, and if it alone is there. Names come first.
const fewOnes = 6

// oneByOne tries everything, nothing, and all but one, where most faults show.
func (p *play) oneByOne(m *moment, after int) error {
	all := &cut{piece: page, keeps: func(int) bool { return true }}
	if err := p.cut(m, after, all); err != nil {
		return err
	}
	if err := p.cut(m, after, &cut{piece: page, keeps: func(int) bool { return false }}); err != nil {
		return err
	}
	for one := range min(all.asked, fewOnes) {
		if err := p.cut(m, after, &cut{piece: page, keeps: func(i int) bool { return i != one }}); err != nil {
			return err
		}
		if err := p.cut(m, after, &cut{piece: page, keeps: func(i int) bool { return i == one }}); err != nil {
			return err
		}
	}
	return p.atRandom(m, after)
}

// atRandom tries the more cuts the more there is that can be lost, for each size of a
// piece.
func (p *play) atRandom(m *moment, after int) error {
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

// cut holds what a cut leaves against what was promised. What the checker says of an
// image is the same at every moment.
func (p *play) cut(m *moment, after int, c *cut) error {
	p.cuts++
	i := m.disk.left(c)
	sum := i.sum(p.seed)
	a, known := p.answers[sum]
	if !known {
		var err error
		if a, err = p.ask(i); err != nil {
			return p.bad(i, after, c, err)
		}
		p.answers[sum] = a
		if a.Torn {
			p.torn++
		}
	}
	if err := m.promises.check(a.Kind, a.Holding); err != nil {
		return p.bad(i, after, c, err)
	}
	return nil
}

// oneInWhole is which share of the images has its pool leased to the end: that takes
// longer than all else.
const oneInWhole = 16

// ask has the checker work with an image.
func (p *play) ask(i image) (answer, error) {
	root := filepath.Join(p.dir, "image")
	if err := i.make(root, filepath.Join(p.dir, "vault")); err != nil {
		return answer{}, err
	}
	number := len(p.answers)
	n := p.workload.configured(p.workload.network).With("onReboot", "keep")
	n.Dir = filepath.Join(root, dataDir)
	a, err := p.checker.ask(question{Network: n, Migrate: p.workload.migratesOn(number), Whole: number%oneInWhole == 0})
	if err == nil {
		err = a.wrong()
	}
	if err != nil {
		return a, err
	}
	return a, os.RemoveAll(root)
}

// bad keeps an image, as it was before the checker worked with it.
func (p *play) bad(i image, after int, c *cut, wrong error) error {
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
		err = i.make(e.Dir, vault)
	}
	e.unkept = err
	return e
}
