package main

import "io/fs"

// allocated returns how many bytes a file has.
func allocated(info fs.FileInfo) int64 { return info.Size() }

// belongs says nothing: access is not a matter of one owner there.
func belongs(string, fs.FileInfo) string { return "" }
