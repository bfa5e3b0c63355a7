//go:build !linux

package ramtemp

func hasRoom(string) bool { return false }
