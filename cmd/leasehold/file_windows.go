package main

import "io/fs"

// diskBytes returns the size of a file in bytes.
func diskBytes(info fs.FileInfo) int64 { return info.Size() }

// ownership returns nothing: on Windows access does not depend on a single owner.
func ownership(string, fs.FileInfo) string { return "" }
