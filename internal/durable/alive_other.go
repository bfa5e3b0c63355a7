//go:build !linux

package durable

import "os"

// alive trusts that a sync that succeeds has made the directory durable.
func alive(*os.File) error { return nil }
