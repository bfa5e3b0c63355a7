package dump

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// A field is a member of a JSON object.
type field struct {
	key   []byte
	value []byte // encoded
	taken bool
}

// An object is a JSON object whose members are taken one by one. It keeps the first error.
//
// Decoding into a struct would be slower, and encoding/json would ignore the case of keys
// and let the last of two equal keys win. Package json of go-json-experiment is not used
// either: this version of it, which allows Go 1.25, does not build with Go 1.27.
type object struct {
	tokens jsontext.Decoder // rejects repeated keys and text that is not UTF-8
	fields []field
	err    error
}

// parse parses text into o, which refers to text.
func (o *object) parse(text []byte) error {
	o.tokens.Reset(bytes.NewBuffer(text))
	o.fields, o.err = o.fields[:0], nil
	if kind := o.tokens.PeekKind(); kind != '{' && kind != invalid {
		return errors.New("want a JSON object")
	}
	_, err := o.tokens.ReadToken()
	for err == nil && o.tokens.PeekKind() != '}' {
		err = o.member(text)
	}
	if err == nil {
		_, err = o.tokens.ReadToken()
	}
	if err == nil {
		err = o.end()
	}
	return syntax(err)
}

// invalid is the kind of a value that is not JSON.
const invalid jsontext.Kind = 0

func (o *object) member(text []byte) error {
	quoted, err := o.next(text)
	if err != nil {
		return err
	}
	key, err := unquote(quoted)
	if err != nil {
		return err
	}
	value, err := o.next(text)
	o.fields = append(o.fields, field{key: key, value: value})
	return err
}

// next returns the next key or value in text.
func (o *object) next(text []byte) ([]byte, error) {
	value, err := o.tokens.ReadValue() // unlike text, only valid until the next read
	end := o.tokens.InputOffset()
	return text[end-int64(len(value)) : end], err
}

// end returns an error unless the text ends here.
func (o *object) end() error {
	_, err := o.tokens.ReadToken()
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err == nil:
		return errors.New("more than one JSON value")
	}
	return err
}

// syntax explains an error of the tokens.
func syntax(err error) error {
	var at *jsontext.SyntacticError
	switch {
	case !errors.As(err, &at):
		return err
	case errors.Is(err, jsontext.ErrDuplicateName):
		return fmt.Errorf("key %q is repeated", at.JSONPointer.LastToken())
	}
	return fmt.Errorf("the JSON is broken after byte %d: %w", at.ByteOffset, at.Err)
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

// done returns the first error, or an error that names a key that was not taken.
func (o *object) done() error {
	for _, f := range o.fields {
		if o.err == nil && !f.taken {
			return fmt.Errorf("unknown key %q", f.key)
		}
	}
	return o.err
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

// time returns a time, which is at one of two keys.
func (o *object) time(key, keyUnix string) time.Time {
	text := o.text(key)
	seconds, isNumber := o.number(keyUnix)
	switch {
	case isNumber && text != "":
		return keep(o, keyUnix, time.Time{}, fmt.Errorf("%s is present too", key))
	case isNumber:
		return time.Unix(seconds, 0).UTC()
	case text == "":
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, text)
	return keep(o, key, time.Unix(t.Unix(), 0).UTC(), err)
}

// unquote decodes a JSON string.
func unquote(value []byte) ([]byte, error) {
	switch {
	case value[0] != '"':
		return nil, errors.New("want a string in quotes")
	case bytes.IndexByte(value, '\\') < 0:
		return value[1 : len(value)-1], nil
	}
	return jsontext.AppendUnquote(nil, value)
}
