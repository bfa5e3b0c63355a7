package main

import "io/fs"

// allocated returns how many bytes a file has.
func allocated(info fs.FileInfo) int64 { return info.Size() }
