//go:build !linux

package files

// handle always returns nothing: see handle_linux.go.
func (d *dir) handle(string) string { return "" }
