//go:build unix && !linux

package flock

import "os"

// On other systems flock and fcntl locks conflict, so there is no second kind of lock to
// announce a waiting writer, and readers can overtake it.

func announce(*os.File) bool { return false }
func renounce(*os.File)      {}
func awaited(*os.File) bool  { return false }
