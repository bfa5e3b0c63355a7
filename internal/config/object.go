package config

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A composite is a variable that is decoded in parts: an object, a pointer to one, or a list.
type composite interface {
	setNull()

	// decode decodes the next value, of a kind that is not null. The kind is not valid if the
	// text is no JSON; then reading it gives the error.
	decode(d *decoder, kind jsontext.Kind) error
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

func (o object) decode(d *decoder, kind jsontext.Kind) error {
	if err := d.begin('{', func() error { return mismatch(d.key, nameOf(kind), "object") }); err != nil {
		return err
	}
	outer := d.key
	for d.tokens.PeekKind() != '}' {
		name, err := d.tokens.ReadToken()
		if err != nil {
			return err
		}
		f := o.find(name.String())
		d.key = join(outer, f.key)
		if err := d.value(f.into); err != nil {
			return err
		}
	}
	d.key = outer
	_, err := d.tokens.ReadToken()
	return err
}

// begin reads the delimiter that begins an object or array, and returns the error of wrong for any
// other value.
func (d *decoder) begin(delimiter jsontext.Kind, wrong func() error) error {
	t, err := d.tokens.ReadToken()
	if err == nil && t.Kind() != delimiter {
		return wrong()
	}
	return err
}

// find returns the field of a key. An unknown key gets a field without a key and a variable.
func (o object) find(key string) field {
	i := slices.IndexFunc(o, func(f field) bool { return strings.EqualFold(f.key, key) })
	if i < 0 {
		return field{}
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

func (p pointer[T, P]) decode(d *decoder, kind jsontext.Kind) error {
	if *p.to == nil {
		*p.to = new(T)
	}
	return (*p.to).fields().decode(d, kind)
}

// A list is a slice that is decoded item by item. If its key is repeated, encoding/json merges each
// item with the earlier one at its index, and so does a list.
type list[T any] []T

func (l *list[T]) setNull() { *l = nil }

func (l *list[T]) decode(d *decoder, kind jsontext.Kind) error {
	if err := d.begin('[', func() error { return l.wrong(d.key, kind) }); err != nil {
		return err
	}
	n := 0
	for ; d.tokens.PeekKind() != ']'; n++ {
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
	_, err := d.tokens.ReadToken()
	return err
}

func (l *list[T]) wrong(key string, kind jsontext.Kind) error {
	if _, ok := any(l).(*list[rawRange]); ok {
		return notRangeSet(key, nameOf(kind))
	}
	return mismatch(key, nameOf(kind), "array")
}

// item returns a variable for an item.
func (l *list[T]) item() any { return new(T) }
