package storm

import (
	"fmt"
	"strings"
)

// describe says an operation in the fewest words, for a picture of many.
func describe(c call, o outcome) string {
	text := c.command
	switch c.command {
	case "ADD", "DEL":
		text += fmt.Sprintf(" %d", c.who)
	case "CHECK":
		text += fmt.Sprintf(" %d %v", c.who, c.addrs)
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

// String lists places that are set.
func (a addresses) String() string {
	var texts []string
	for _, place := range a {
		if place >= 0 {
			texts = append(texts, fmt.Sprint(place))
		}
	}
	return strings.Join(texts, "/")
}

// describe lists who holds each address, and where the cursor is.
func (s state) describe(m model) string {
	var texts []string
	for f := range m.families {
		texts = append(texts, fmt.Sprintf("%v after %d", s.holder[f][:m.size], s.cursor[f]))
	}
	return strings.Join(texts, "; ")
}
