//go:build !linux

package durable

import "os"

// alive trusts in that what has been synced is durable.
func alive(*os.File) error { return nil }
