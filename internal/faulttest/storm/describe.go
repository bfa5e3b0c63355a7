package storm

import (
	"fmt"
	"strings"
)

// describe returns a short description of an operation, for porcupine's picture of a
// history.
func describe(c call, o outcome) string {
	text := c.command
	switch c.command {
	case "ADD", "DEL":
		text += fmt.Sprintf(" %d", c.container)
	case "CHECK":
		text += fmt.Sprintf(" %d %v", c.container, c.addrs)
	case "GC":
		text += fmt.Sprintf(" of all but %b", c.valid)
	}
	switch {
	case o.killed:
		return text + ": killed"
	case o.code != succeeded:
		return fmt.Sprintf("%s: code %d", text, o.code)
	case c.command == "ADD":
		return fmt.Sprintf("%s: %v", text, o.addrs)
	case c.command == "LIST":
		return fmt.Sprintf("%s: %v", text, o.held)
	}
	return text
}

// String lists the offsets that are set.
func (a addresses) String() string {
	var texts []string
	for _, offset := range a {
		if offset >= 0 {
			texts = append(texts, fmt.Sprint(offset))
		}
	}
	return strings.Join(texts, "/")
}

// describe lists the holder of each address and the position of the cursor.
func (s state) describe(m model) string {
	var texts []string
	for f := range m.families {
		texts = append(texts, fmt.Sprintf("%v after %d", s.holder[f][:m.size], s.cursor[f]))
	}
	return strings.Join(texts, "; ")
}
