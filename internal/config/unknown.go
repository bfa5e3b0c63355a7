package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/containernetworking/cni/pkg/types"
)

// UnknownKeys returns an error for each key in ipam that [Parse] passes over. The plugin
// has to, but whoever checks a configuration wants to be told of a misspelt key. What is no
// JSON, or of the wrong JSON type, is Parse's to complain about.
func UnknownKeys(stdin []byte) []error {
	var raw struct {
		IPAM any `json:"ipam"`
	}
	if Decode(stdin, &raw) != nil {
		return nil
	}
	return unknownIn("ipam", raw.IPAM, reflect.TypeFor[rawIPAM]())
}

// unknownIn returns the unknown keys in the value at key, which t is there to hold.
func unknownIn(key string, v any, t reflect.Type) (unknown []error) {
	switch v := v.(type) {
	case []any:
		if t.Kind() != reflect.Slice {
			return nil
		}
		for i, v := range v {
			unknown = append(unknown, unknownIn(fmt.Sprintf("%s[%d]", key, i), v, t.Elem())...)
		}
	case map[string]any:
		known := keysOf(t)
		if known == nil {
			return nil
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			at := slices.IndexFunc(known, func(k knownKey) bool { return strings.EqualFold(k.name, name) })
			if at < 0 {
				unknown = append(unknown, unknownKey(key+"."+name, known))
				continue
			}
			unknown = append(unknown, unknownIn(key+"."+name, v[name], known[at].of)...)
		}
	}
	return unknown
}

func unknownKey(key string, known []knownKey) error {
	var names []string
	for _, k := range known {
		names = append(names, k.name)
	}
	return invalid("known are "+strings.Join(names, ", "), "%s: unknown key, which is passed over", key)
}

// A knownKey is a key of a JSON object, and what holds its value.
type knownKey struct {
	name string
	of   reflect.Type
}

// keysOf returns the keys that a struct decodes, of which there is no other list: the tags
// are it. Those of the CNI library's route are the names of its fields.
func keysOf(t reflect.Type) (keys []knownKey) {
	if t == reflect.TypeFor[json.RawMessage]() { // what is decoded later is a route
		t = reflect.TypeFor[types.Route]()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous || !f.IsExported() {
			continue
		}
		name := f.Tag.Get("json")
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		keys = append(keys, knownKey{name, f.Type})
	}
	return keys
}
