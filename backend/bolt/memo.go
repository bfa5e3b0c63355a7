package bolt

import "net/netip"

// A memo is what nearly every Update of a session reads or writes. Of what is written
// the buckets get the last value only, before the commit.
type memo struct {
	cursors map[string]netip.Addr // those newer than in the bucket

	run   run  // one that has been asked for, or put
	newer bool // than in the bucket

	last      string // what Boot returns
	lastKnown bool

	boot       string
	bootNumber uint64 // 0, which no boot has, if boot is empty
}

// flush gives the buckets what they lack.
func (t *session) flush() error {
	for set, addr := range t.memo.cursors {
		if err := t.cursors.Put([]byte(set), addrKey(addr)); err != nil {
			return err
		}
	}
	return t.flushRun()
}

func (t *session) flushRun() error {
	if !t.memo.newer {
		return nil
	}
	t.memo.newer = false
	return t.runs.Put(addrKey(t.memo.run.first), addrKey(t.memo.run.last))
}
