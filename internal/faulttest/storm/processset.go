package storm

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A processSet holds the running processes.
type processSet struct {
	mu   sync.Mutex
	all  map[int]*os.Process
	peak int // the maximum number at once
}

// add adds a process. The caller calls leave when the process has ended.
func (l *processSet) add(p *os.Process) (leave func()) {
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
		if l.all[p.Pid] == p { // otherwise the PID is already used by another process
			delete(l.all, p.Pid)
		}
	}
}

func (l *processSet) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all)
}

// killLater kills a process after a random time: p, or the process that holds the lock
// then. In a crowd nearly all processes only wait for the lock, and killing one that waits
// tests nothing.
//
// The delay is of a random order of magnitude, because the lifetime of a process is not
// known.
func (l *processSet) killLater(r *rand.Rand, p *os.Process) {
	holder := r.IntN(4) > 0
	time.AfterFunc(time.Duration(r.Int64N(int64(time.Millisecond)<<r.IntN(9))), func() {
		victim := p
		if holder {
			victim = l.holder(p)
		}
		_ = victim.Kill() // It may have ended.
	})
}

// holder returns the process in the set that holds a lock, or other if there is none. It
// reads /proc/locks, which only Linux has.
func (l *processSet) holder(other *os.Process) *os.Process {
	text, err := os.ReadFile("/proc/locks")
	if err != nil {
		return other
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(string(text)) {
		// 1: FLOCK  ADVISORY  WRITE 24726 fe:00:9977859 0 EOF; a waiting process has "->" before FLOCK
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
