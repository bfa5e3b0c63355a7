package picture

import (
	"strings"
	"unicode/utf8"
)

// wrap distributes items over lines of a width, with a gap between items. An item longer
// than a line gets its own line.
func wrap[T any](items []T, length func(T) int, gap, width int) [][]T {
	var (
		lines [][]T
		used  int
	)
	for _, item := range items {
		n := length(item)
		if len(lines) == 0 || used+gap+n > width {
			lines = append(lines, []T{item})
			used = n
			continue
		}
		last := len(lines) - 1
		lines[last] = append(lines[last], item)
		used += gap + n
	}
	return lines
}

// wrapWords wraps sentences to lines of a width; each sentence begins a new line.
func wrapWords(sentences []string, width int) (lines []string) {
	for _, sentence := range sentences {
		for _, words := range wrap(strings.Fields(sentence), utf8.RuneCountInString, 1, width) {
			lines = append(lines, strings.Join(words, " "))
		}
	}
	return lines
}
