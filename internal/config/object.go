package config

import (
	"encoding/json"
	"slices"
	"strings"
)

// A composite is a variable that encoding/json does not decode as a whole: an object, a
// pointer to one, or a list of them.
type composite interface {
	setNull()

	// decode decodes a value that begins with t, which is not null.
	decode(d *decoder, t json.Token) error
}

// An object has the known keys of a JSON object, for decoders and for [UnknownKeys]. A
// struct returns it from its method fields. As with encoding/json, keys match in any case,
// and null changes nothing.
type object []field

// A field is a key and the variable for its value.
type field struct {
	key  string
	into any
}

func (object) setNull() {}

func (o object) decode(d *decoder, t json.Token) error {
	if t != json.Delim('{') {
		return mismatch(d.key, kindOf(t), "object")
	}
	outer := d.key
	for d.tokens.More() {
		t, err := d.tokens.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string)
		f := o.find(name)
		d.key = join(outer, f.key)
		if err := d.value(f.into); err != nil {
			return err
		}
	}
	d.key = outer
	_, err := d.tokens.Token()
	return err
}

// find returns the field of a key. An unknown key gets a field without a key.
func (o object) find(key string) field {
	i := slices.IndexFunc(o, func(f field) bool { return strings.EqualFold(f.key, key) })
	if i < 0 {
		return field{into: new(json.RawMessage)}
	}
	return o[i]
}

func (o object) keys() []string {
	keys := make([]string, len(o))
	for i, f := range o {
		keys[i] = f.key
	}
	return keys
}

// A pointer points to the pointer to a struct, which is nil unless there is an object.
type pointer[T any, P pointerTo[T]] struct{ to *P }

type pointerTo[T any] interface {
	*T
	fields() object
}

func optional[T any, P pointerTo[T]](to *P) pointer[T, P] { return pointer[T, P]{to} }

func (p pointer[T, P]) setNull() { *p.to = nil }

func (p pointer[T, P]) decode(d *decoder, t json.Token) error {
	if *p.to == nil {
		*p.to = new(T)
	}
	return (*p.to).fields().decode(d, t)
}

// A list is a slice of composites. If its key is repeated, encoding/json merges each item
// with the earlier one at its index, and so does a list.
type list[T any] []T

func (l *list[T]) setNull() { *l = nil }

func (l *list[T]) decode(d *decoder, t json.Token) error {
	if t != json.Delim('[') {
		if _, ok := any(l).(*list[rawRange]); ok {
			return notRangeSet(d.key, kindOf(t))
		}
		return mismatch(d.key, kindOf(t), "array")
	}
	n := 0
	for ; d.tokens.More(); n++ {
		if n == cap(*l) {
			*l = slices.Grow(*l, 1)
		}
		*l = (*l)[:max(n+1, len(*l))]
		if err := d.value(&(*l)[n]); err != nil {
			return err
		}
	}
	if *l = (*l)[:n]; n == 0 {
		*l = nil
	}
	_, err := d.tokens.Token()
	return err
}

// item returns a variable for an item.
func (l *list[T]) item() any { return new(T) }
