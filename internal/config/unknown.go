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
	return unknownIn("ipam", raw.IPAM, reflect.TypeFor[rawIPAM]())
}

// KnownKeys returns the known keys in ipam.
func KnownKeys() []string { return namesOf(keysOf(reflect.TypeFor[rawIPAM]())) }

// unknownIn returns the unknown keys in the value at key, which decodes into t.
func unknownIn(key string, v any, t reflect.Type) (unknown []UnknownKey) {
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
				unknown = append(unknown, UnknownKey{key, name, v[name], namesOf(known)})
				continue
			}
			unknown = append(unknown, unknownIn(key+"."+name, v[name], known[at].of)...)
		}
	}
	return unknown
}

// A knownKey is a key of a JSON object and the type of its value.
type knownKey struct {
	name string
	of   reflect.Type
}

func namesOf(keys []knownKey) []string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	return names
}

// keysOf returns the JSON keys of a struct, from its tags. The CNI library's route has no
// tags; its keys are the field names.
func keysOf(t reflect.Type) (keys []knownKey) {
	if t == reflect.TypeFor[json.RawMessage]() { // routes are decoded later
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
