package storm

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The living are the processes that have been started and have not ended.
type living struct {
	mu   sync.Mutex
	all  map[int]*os.Process
	peak int // the most at once
}

// enter adds a process; leave is for when it has ended.
func (l *living) enter(p *os.Process) (leave func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = make(map[int]*os.Process)
	}
	l.all[p.Pid] = p
	l.peak = max(l.peak, len(l.all))
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.all[p.Pid] == p { // else another has its number already
			delete(l.all, p.Pid)
		}
	}
}

func (l *living) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all)
}

// doom has a process killed some time from now: p, or whoever has a lock at that time.
// Nearly all of those in a crowd only wait for it, and who is killed while it waits has
// done nothing.
//
// Nobody knows how long a process will live, so the time is of any order of magnitude.
func (l *living) doom(r *rand.Rand, p *os.Process) {
	holder := r.IntN(4) > 0
	time.AfterFunc(time.Duration(r.Int64N(int64(time.Millisecond)<<r.IntN(9))), func() {
		victim := p
		if holder {
			victim = l.holder(p)
		}
		_ = victim.Kill() // It may have ended.
	})
}

// holder returns the living process that holds a lock, or other if none does. The lists
// of locks that Linux has are elsewhere empty.
func (l *living) holder(other *os.Process) *os.Process {
	text, err := os.ReadFile("/proc/locks")
	if err != nil {
		return other
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(string(text)) {
		// 1: FLOCK  ADVISORY  WRITE 24726 fe:00:9977859 0 EOF; who waits has an arrow
		fields := strings.Fields(line)
		if len(fields) < 5 || fields[1] != "FLOCK" || fields[3] != "WRITE" {
			continue
		}
		pid, err := strconv.Atoi(fields[4])
		if p := l.all[pid]; err == nil && p != nil {
			return p
		}
	}
	return other
}
