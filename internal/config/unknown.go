package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// An UnknownKey is a key in ipam that [Parse] ignores.
type UnknownKey struct {
	// Path is the path of the object that has it, as in ipam.ranges[0][0].
	Path string

	Name  string
	Value any // as encoding/json decodes it into an any

	// Known are the known keys of that object.
	Known []string
}

// Key returns the path and the name.
func (k UnknownKey) Key() string { return k.Path + "." + k.Name }

// UnknownKeys returns the keys in ipam that [Parse] ignores, so that tools can report
// misspelt keys. Invalid JSON and wrong JSON types are left to Parse.
func UnknownKeys(stdin []byte) []UnknownKey {
	var raw struct {
		IPAM any `json:"ipam"`
	}
	if Decode(stdin, &raw) != nil {
		return nil
	}
	return unknownIn("ipam", raw.IPAM, new(rawIPAM))
}

// KnownKeys returns the known keys in ipam.
func KnownKeys() []string { return new(rawIPAM).fields().keys() }

// unknownIn returns the unknown keys in the value at key, which is decoded into a variable.
func unknownIn(key string, v, into any) (unknown []UnknownKey) {
	switch v := v.(type) {
	case []any:
		for i, v := range v {
			unknown = append(unknown, unknownIn(fmt.Sprintf("%s[%d]", key, i), v, itemOf(into))...)
		}
	case map[string]any:
		if key == "ipam.history" { // It is decoded later.
			into = new(rawHistory)
		}
		if into, ok := into.(interface{ fields() object }); ok {
			unknown = unknownOf(key, v, into.fields())
		}
	}
	return unknown
}

// itemOf returns a variable for an item, or nil if it cannot have keys.
func itemOf(into any) any {
	switch into := into.(type) {
	case *list[json.RawMessage]: // routes, which are decoded later
		return new(Route)
	case interface{ item() any }:
		return into.item()
	}
	return nil
}

func unknownOf(key string, members map[string]any, known object) (unknown []UnknownKey) {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		f := known.find(name)
		if f.key == "" {
			unknown = append(unknown, UnknownKey{key, name, members[name], known.keys()})
			continue
		}
		unknown = append(unknown, unknownIn(key+"."+name, members[name], f.into)...)
	}
	return unknown
}
