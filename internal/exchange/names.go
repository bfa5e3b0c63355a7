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

// dirName is the directory beside the stores that contains everything not in use.
const dirName = ".leasehold"

// The names in that directory are the name of the network followed by one of these.
const (
	newDirEnding    = ".new-dir"
	newFileEnding   = ".new-file"
	successorInfix  = "-for-"     // after one of these two; followed by the time that identifies the store to replace
	copyEnding      = ".copy-dir" // the backup of a directory that cannot be renamed, while it is copied
	probeEnding     = ".probe"    // see checkCanRename
	prunedEnding    = ".pruned"   // a backup that is being removed
	backupInfix     = ".before-"  // followed by the reason, a hyphen and the time
	timeLayout      = "20060102T150405.000Z"
	nextEnding      = ".next"
	exportEnding    = ".jsonl"
	sharedLockName  = "lock"   // of all networks, without a name
	placeLockEnding = ".lock"  // of one network
	claimLockEnding = ".claim" // of one network, see [Place.LockClaim]
)

const (
	// MaxName is the maximum length of a file name: NAME_MAX of Linux.
	MaxName = 255

	// maxReason is the length of the longest reason, migration.
	maxReason = 9

	// maxEnding is the length of the longest ending.
	maxEnding = len(backupInfix) + maxReason + len("-") + len(timeLayout) + len(exportEnding)
)

// Fit returns name or, if it is longer than longest, its beginning and a hash of all of it,
// which have that length together. The ~ between them cannot be in the name of a network, so
// two networks never share a file name, whatever is appended.
func Fit(name string, longest int) string {
	if len(name) <= longest {
		return name
	}
	hash := fnv.New128a() // Package bbolt links it; SHA-256 tests itself in each process that does.
	hash.Write([]byte(name))
	sum := "~" + hex.EncodeToString(hash.Sum(nil))
	return name[:longest-len(sum)] + sum
}

// stem returns the beginning of all names of the network.
func (p Place) stem() string { return Fit(filepath.Base(p.path), MaxName-maxEnding) }

// pathFor returns the path in [Place.Dir] with an ending after the name of the network.
func (p Place) pathFor(ending string) string { return filepath.Join(p.Dir(), p.stem()+ending) }

// Staged returns the path at which to build a store, a directory or a file, to replace the
// store whose locked file is marked; nil if there is none. The time in the path is the
// modification time of the locked file, which does not change while the store is locked and not
// written to. So an abandoned successor shows which store it was for.
func (p Place) Staged(dir bool, locked fs.FileInfo) string {
	ending := newFileEnding
	if dir {
		ending = newDirEnding
	}
	if locked != nil {
		ending += successorInfix + strconv.FormatUint(uint64(locked.ModTime().UnixNano()), 36)
	}
	return p.pathFor(ending)
}

// StagedFor is Staged for the successor of the store in the place, which the caller has locked
// and old describes; nil if there is none.
func (p Place) StagedFor(dir bool, old fs.FileInfo) (string, error) {
	if old == nil {
		return p.Staged(dir, nil), nil
	}
	locked, err := os.Lstat(storeLockOf(p.path, old))
	if errors.Is(err, fs.ErrNotExist) {
		return p.Staged(dir, nil), nil // The store is not locked, either.
	}
	if err != nil {
		return "", err
	}
	return p.Staged(dir, locked), nil
}

// isStaged reports whether Staged can return a path with this name, and whether it is for a
// directory.
func (p Place) isStaged(name string) (dir, ok bool) {
	ending, ok := strings.CutPrefix(name, p.stem())
	if !ok {
		return false, false
	}
	for _, kind := range []string{newDirEnding, newFileEnding} {
		if rest, ok := strings.CutPrefix(ending, kind); ok && (rest == "" || isForOld(rest)) {
			return kind == newDirEnding, true
		}
	}
	return false, false
}

// isForOld reports whether an ending identifies a store to replace. A network can be called
// podnet.new-dir-for-you, and then its own endings follow.
func isForOld(ending string) bool {
	text, ok := strings.CutPrefix(ending, successorInfix)
	_, err := strconv.ParseUint(text, 36, 64)
	return ok && err == nil
}

// BackupPath returns the path at which to keep the store that is now in the place. The reason
// is one word: migration, repair.
func (p Place) BackupPath(reason string, now time.Time) string {
	return p.pathFor(backupInfix + reason + "-" + now.UTC().Format(timeLayout))
}

// Export returns the path of an export that is kept with a backup.
func Export(backup string) string { return backup + exportEnding }

// A BackupName is the parsed name of a backup, or of a file that belongs to one.
type BackupName struct {
	Reason string
	Time   time.Time
	Ending string // for an export, or a waiting store; empty for the backup itself
}

// Parse parses a name made by [Place.BackupPath], with or without a further ending.
func (p Place) Parse(name string) (k BackupName, ok bool) {
	rest, ok := strings.CutPrefix(name, p.stem()+backupInfix)
	if !ok {
		return k, false
	}
	k.Reason, rest, ok = strings.Cut(rest, "-")
	if !ok || len(rest) < len(timeLayout) {
		return k, false
	}
	k.Ending = rest[len(timeLayout):]
	var err error
	k.Time, err = time.Parse(timeLayout, rest[:len(timeLayout)])
	return k, err == nil && (k.Ending == "" || k.Ending == nextEnding || k.Ending == exportEnding)
}
