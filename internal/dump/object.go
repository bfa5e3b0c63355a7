package dump

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// A field is a member of a JSON object.
type field struct {
	key   []byte
	value []byte // encoded
	taken bool
}

// An object is a JSON object whose members are taken one by one. It keeps the first error.
//
// Decoding into a struct would be slower, ignore the case of keys, and let the last of two
// equal keys win.
type object struct {
	fields []field
	err    error
}

// parse parses text into o, which refers to text.
func (o *object) parse(text []byte) error {
	*o = object{fields: o.fields[:0]}
	if !utf8.Valid(text) {
		return errors.New("not UTF-8")
	}
	if !json.Valid(text) {
		return syntax(text)
	}
	p := pieces{text}
	if p.next() != '{' {
		return errors.New("want a JSON object")
	}
	for p.skip(); p.next() != '}'; {
		f, err := p.field()
		if err != nil {
			return err
		}
		o.fields = append(o.fields, f)
		if p.next() == ',' {
			p.skip()
		}
	}
	return nil
}

func (o *object) has(key string) bool {
	return slices.ContainsFunc(o.fields, func(f field) bool { return string(f.key) == key })
}

// take returns the value of a key, or nil.
func (o *object) take(key string) []byte {
	for i := range o.fields {
		if f := &o.fields[i]; string(f.key) == key {
			f.taken = true
			return f.value
		}
	}
	return nil
}

// done returns the first error, or an error that names a key that was not taken, because it
// is unknown or repeated.
func (o *object) done() error {
	if o.err != nil {
		return o.err
	}
	for i, f := range o.fields {
		if f.taken {
			continue
		}
		before := object{fields: o.fields[:i]}
		if before.has(string(f.key)) {
			return fmt.Errorf("key %q is repeated", f.key)
		}
		return fmt.Errorf("unknown key %q", f.key)
	}
	return nil
}

// keep returns the value of a key, and keeps the error.
func keep[T any](o *object, key string, value T, err error) T {
	if err != nil && o.err == nil {
		o.err = fmt.Errorf("%s: %w", key, err)
	}
	return value
}

// text returns the string at key, or an empty one.
func (o *object) text(key string) string {
	value := o.take(key)
	if value == nil {
		return ""
	}
	text, err := unquote(value)
	return keep(o, key, string(text), err)
}

// name returns the name at key, or at keyBytes if it is not UTF-8.
func (o *object) name(key, keyBytes string) string {
	name := o.text(key)
	encoded := o.text(keyBytes)
	if encoded == "" {
		return name
	}
	if name != "" {
		return keep(o, keyBytes, "", fmt.Errorf("%s is present too", key))
	}
	text, err := base64.StdEncoding.Strict().DecodeString(encoded)
	return keep(o, keyBytes, string(text), err)
}

// addr returns the address at key, or the zero address.
func (o *object) addr(key string) netip.Addr {
	text := o.text(key)
	if text == "" {
		return netip.Addr{}
	}
	addr, err := netip.ParseAddr(text)
	return keep(o, key, addr, err)
}

// number returns the number at key, if any.
func (o *object) number(key string) (n int64, ok bool) {
	value := o.take(key)
	if value == nil {
		return 0, false
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil {
		err = fmt.Errorf("%s is not a whole number", value)
	}
	return keep(o, key, n, err), err == nil
}

// since returns the time of a lease, which is at one of two keys.
func (o *object) since() time.Time {
	text := o.text("since")
	seconds, isNumber := o.number("sinceUnix")
	switch {
	case isNumber && text != "":
		return keep(o, "sinceUnix", time.Time{}, errors.New("since is present too"))
	case isNumber:
		return time.Unix(seconds, 0).UTC()
	case text == "":
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, text)
	return keep(o, "since", time.Unix(t.Unix(), 0).UTC(), err)
}

func syntax(text []byte) error {
	var any json.RawMessage
	err := json.Unmarshal(text, &any)
	var at *json.SyntaxError
	if errors.As(err, &at) {
		return fmt.Errorf("the JSON is broken at byte %d: %w", at.Offset, err)
	}
	return err
}

// pieces splits valid JSON into its parts.
type pieces struct{ rest []byte }

// next skips white space and returns the byte after it.
func (p *pieces) next() byte {
	for isSpace(p.rest[0]) {
		p.skip()
	}
	return p.rest[0]
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func (p *pieces) skip() { p.rest = p.rest[1:] }

// field takes the next member.
func (p *pieces) field() (field, error) {
	key, err := unquote(p.value())
	p.next()
	p.skip() // the colon
	p.next()
	return field{key: key, value: p.value()}, err
}

// value takes the next value.
func (p *pieces) value() []byte {
	n := p.length()
	value := p.rest[:n]
	p.rest = p.rest[n:]
	return value
}

func (p *pieces) length() int {
	switch p.rest[0] {
	case '"':
		return textLength(p.rest)
	case '{', '[':
		return nestedLength(p.rest)
	}
	return bytes.IndexAny(p.rest, ",}] \t\r\n")
}

func textLength(text []byte) int {
	for i := 1; ; i++ {
		switch text[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
}

func nestedLength(text []byte) int {
	depth := 0
	for i := 0; ; i++ {
		switch text[i] {
		case '"':
			i += textLength(text[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
}

// unquote decodes a JSON string.
func unquote(value []byte) ([]byte, error) {
	if value[0] != '"' {
		return nil, errors.New("want a string in quotes")
	}
	if bytes.IndexByte(value, '\\') < 0 {
		return value[1 : len(value)-1], nil
	}
	var s string
	err := json.Unmarshal(value, &s)
	return []byte(s), err
}
