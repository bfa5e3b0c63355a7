//go:build unix && !linux

package flock

import "os"

// Elsewhere flock and fcntl lock against each other: there is no second kind of lock
// to announce a writer with, and readers pass one that waits.

func announce(*os.File) bool { return false }
func renounce(*os.File)      {}
func awaited(*os.File) bool  { return false }
