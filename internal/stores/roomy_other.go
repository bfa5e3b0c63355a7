//go:build !linux

package stores

// roomy is not known here: whoever writes will be told.
func roomy(string) bool { return true }
