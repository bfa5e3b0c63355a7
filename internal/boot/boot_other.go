//go:build !linux

package boot

func current() Boot { return Boot{} }
