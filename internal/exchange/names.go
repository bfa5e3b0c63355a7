package exchange

import (
	"encoding/hex"
	"errors"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// dirName is the name of the directory, beside the stores, for what is not in use.
const dirName = ".leasehold"

// What the names in that directory end in, after the network's.
const (
	newDir   = ".new-dir"
	newFile  = ".new-file"
	forOld   = "-for-"     // after these two; then what tells which store is replaced
	copyDir  = ".copy-dir" // a directory that cannot be renamed, on its way aside
	probe    = ".probe"    // see canRename
	pruned   = ".pruned"   // a store that was replaced, and is being removed
	before   = ".before-"  // then the reason, a hyphen, and the time
	timeForm = "20060102T150405.000Z"
	next     = ".next"
	export   = ".jsonl"
	lockName = "lock"  // is no network's
	ownLock  = ".lock" // of one network
)

const (
	// MaxName is the longest name that a file can have: NAME_MAX of Linux.
	MaxName = 255

	// maxReason is the longest reason for which a store is replaced: migration.
	maxReason = 9

	// maxEnding is the longest of the endings above.
	maxEnding = len(before) + maxReason + len("-") + len(timeForm) + len(export)
)

// Fit returns name, or, if it is longer than longest, its beginning and a hash of all of
// it, which have that length together. No network has the ~ between them in its name. So
// whatever is added to the name of a network can be made to fit into that of a file, and
// no two networks share one.
func Fit(name string, longest int) string {
	if len(name) <= longest {
		return name
	}
	hash := fnv.New128a() // Package bbolt links it; SHA-256 tests itself in each process that does.
	hash.Write([]byte(name))
	sum := "~" + hex.EncodeToString(hash.Sum(nil))
	return name[:longest-len(sum)] + sum
}

// stem returns what the names of the network begin with.
func (p Place) stem() string { return Fit(filepath.Base(p.path), MaxName-maxEnding) }

// aside returns the path of what has the name of the network and an ending.
func (p Place) aside(ending string) string { return filepath.Join(p.Dir(), p.stem()+ending) }

// Staged returns the path at which a store is built, a directory or a file, that replaces
// the store whose lock file marked describes; nil stands for none. The time in that file
// is the store's own: it does not change while the store is locked and not written to. So
// a successor that is left behind tells whose it was to be.
func (p Place) Staged(dir bool, marked fs.FileInfo) string {
	ending := newFile
	if dir {
		ending = newDir
	}
	if marked != nil {
		ending += forOld + strconv.FormatUint(uint64(marked.ModTime().UnixNano()), 36)
	}
	return p.aside(ending)
}

// StagedFor is Staged for the successor of what is in the place, which old describes, and
// which the caller has locked; nil if nothing is there.
func (p Place) StagedFor(dir bool, old fs.FileInfo) (string, error) {
	if old == nil {
		return p.Staged(dir, nil), nil
	}
	marked, err := os.Lstat(lockOf(p.path, old))
	if errors.Is(err, fs.ErrNotExist) {
		return p.Staged(dir, nil), nil // So it cannot be locked, either.
	}
	if err != nil {
		return "", err
	}
	return p.Staged(dir, marked), nil
}

// isStaged reports whether the name is one that Staged returns, and for which kind.
func (p Place) isStaged(name string) (dir, ok bool) {
	ending, ok := strings.CutPrefix(name, p.stem())
	if !ok {
		return false, false
	}
	for _, kind := range []string{newDir, newFile} {
		if rest, ok := strings.CutPrefix(ending, kind); ok && (rest == "" || isForOld(rest)) {
			return kind == newDir, true
		}
	}
	return false, false
}

// isForOld reports whether an ending tells which store is replaced. A network can be called
// podnet.new-dir-for-you: then its own endings follow.
func isForOld(ending string) bool {
	text, ok := strings.CutPrefix(ending, forOld)
	_, err := strconv.ParseUint(text, 36, 64)
	return ok && err == nil
}

// Aside returns the path at which the store is kept that was in the place until now. The
// reason is one word: migration, repair.
func (p Place) Aside(reason string, now time.Time) string {
	return p.aside(before + reason + "-" + now.UTC().Format(timeForm))
}

// Export returns the path of an export that is kept with the store at aside.
func Export(aside string) string { return aside + export }

// A Kept is what a name says of a store that was replaced, or of what belongs to it.
type Kept struct {
	Reason string
	Time   time.Time
	Ending string // after the name of the store: of an export, or of what waits
}

// Parse reads a name that [Place.Aside] has made, with or without a further ending.
func (p Place) Parse(name string) (k Kept, ok bool) {
	rest, ok := strings.CutPrefix(name, p.stem()+before)
	if !ok {
		return k, false
	}
	k.Reason, rest, ok = strings.Cut(rest, "-")
	if !ok || len(rest) < len(timeForm) {
		return k, false
	}
	k.Ending = rest[len(timeForm):]
	var err error
	k.Time, err = time.Parse(timeForm, rest[:len(timeForm)])
	return k, err == nil && (k.Ending == "" || k.Ending == next || k.Ending == export)
}
