package lint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// shown returns a value as JSON, truncated to fit a line.
func shown(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "" // cannot happen: it was decoded from JSON
	}
	const enough = 80
	if len(text) > enough {
		return string(text[:enough]) + "…"
	}
	return string(text)
}

// nameIn returns the name of the network in a text, or "".
func nameIn(text []byte) string { return textIn(text, "name") }

func typeIn(text []byte) string { return textIn(text, "type") }

func textIn(text []byte, key string) string {
	var top map[string]any
	if json.Unmarshal(text, &top) != nil {
		return ""
	}
	s, _ := top[key].(string)
	return s
}

// repeated returns the paths of keys in ipam that are repeated in one object. Other keys
// are the main plugin's business.
func repeated(text []byte) []string {
	d := json.NewDecoder(bytes.NewReader(text))
	var r repeats
	if r.value(d, "") != nil {
		return nil // Invalid JSON is reported elsewhere.
	}
	return r.found
}

type repeats struct{ found []string }

func (r *repeats) value(d *json.Decoder, path string) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		return r.object(d, path)
	case json.Delim('['):
		for i := 0; d.More(); i++ {
			if err := r.value(d, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
		_, err = d.Token()
	}
	return err
}

func (r *repeats) object(d *json.Decoder, path string) error {
	seen := make(map[string]bool)
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		name := fmt.Sprint(token)
		key := strings.TrimPrefix(path+"."+name, ".")
		if at := strings.Index(key, "ipam."); at >= 0 && seen[strings.ToLower(name)] {
			r.found = append(r.found, key)
		}
		seen[strings.ToLower(name)] = true
		if err := r.value(d, key); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}
