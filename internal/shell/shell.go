// Package shell writes commands that people copy into a shell.
package shell

import "strings"

// safe has the characters, besides letters and digits, that mean nothing to a shell.
const safe = "_./:@%+=,-"

// Quote returns a word as a POSIX shell reads it: unchanged if no character of it means anything to a
// shell, and otherwise in single quotes. A path can come from a network configuration that others than root
// have written, and a container ID from a lease file. No backslash is added: the tool prints control characters
// as escapes, with backslashes doubled, and the word has to stay one word.
func Quote(word string) string {
	special := func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !letter && !strings.ContainsRune(safe, r)
	}
	if word != "" && !strings.ContainsFunc(word, special) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'"'"'`) + "'"
}
