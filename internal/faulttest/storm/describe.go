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

// describe lists the holder of each address, the position of the cursor, and what the pods have had.
func (s state) describe(m model) string {
	var texts []string
	for f := range m.families {
		texts = append(texts, fmt.Sprintf("%v after %d", s.holder[f][:m.size], s.cursor[f]))
	}
	for pod := range s.had {
		if addrs := s.pastOf(int8(pod)); len(addrs) > 0 {
			texts = append(texts, fmt.Sprintf("pod %d had %s", pod, strings.Join(addrs, ", ")))
		}
	}
	return strings.Join(texts, "; ")
}

// pastOf returns the offsets of the addresses that a pod has released. Addresses of the second family
// have a slash before them.
func (s state) pastOf(pod int8) (texts []string) {
	for _, past := range s.had[pod] {
		if past > 0 {
			f, a := int(past-1)/maxAddresses, int(past-1)%maxAddresses
			texts = append(texts, strings.Repeat("/", f)+fmt.Sprint(a))
		}
	}
	return texts
}
