package config

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Decode is json.Unmarshal with errors that name JSON keys instead of Go types.
//
// It walks through a [composite] token by token, with the same result. encoding/json would
// first study Go types with package reflect, and every container would wait for that. So only
// what an ADD, DEL or CHECK does not meet is left to encoding/json: numbers, and the words of
// its errors.
func Decode(text []byte, into any) error { return decodeAt("", text, into) }

// decodeAt decodes the value at key, which is for errors.
func decodeAt(key string, text []byte, into any) error {
	d := decoder{key: key}
	d.tokens.Reset(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	err := d.value(into)
	if err == nil {
		if _, err = d.tokens.ReadToken(); errors.Is(err, io.EOF) {
			return nil
		}
		err = cmp.Or(err, errors.New("there is more than one value"))
	}
	if !json.Valid(text) {
		return syntaxError(text) // Text that is no JSON at all comes before values of a wrong type.
	}
	if syntax := (*jsontext.SyntacticError)(nil); errors.As(err, &syntax) {
		return undecodable("write one JSON object", "%s", err)
	}
	return err
}

// A decoder decodes JSON.
type decoder struct {
	tokens jsontext.Decoder
	key    string // of the present value
}

func (d *decoder) value(into any) error {
	if v, ok := into.(interface{ fields() object }); ok {
		into = v.fields()
	}
	switch v := into.(type) {
	case composite:
		return d.composite(v)
	case nil:
		return d.tokens.SkipValue()
	case *string:
		return d.text(nil, func(text string) error { *v = text; return nil })
	case texter:
		return d.text(v.setNull, v.setText)
	}
	raw, err := d.tokens.ReadValue()
	if err != nil {
		return err
	}
	if v, ok := into.(*json.RawMessage); ok {
		*v = bytes.Clone(raw)
		return nil
	}
	return decodeError(d.key, json.Unmarshal(raw, into))
}

func (d *decoder) composite(v composite) error {
	kind := d.tokens.PeekKind()
	if kind != 'n' {
		return v.decode(d, kind)
	}
	v.setNull()
	return d.tokens.SkipValue()
}

// A texter is a variable for a string that is more than a string.
type texter interface {
	setNull() error
	setText(text string) error
}

// text decodes a string or null; a nil setNull leaves the variable as it is.
func (d *decoder) text(setNull func() error, setText func(string) error) error {
	t, err := d.tokens.ReadToken()
	if err != nil {
		return err
	}
	switch kind := t.Kind(); {
	case kind == '"':
		return setText(t.String())
	case kind != 'n':
		return mismatch(d.key, nameOf(kind), "string")
	case setNull != nil:
		return setNull()
	}
	return nil
}

// nameOf returns the name of a JSON type.
func nameOf(kind jsontext.Kind) string {
	switch kind {
	case '{':
		return "object"
	case '[':
		return "array"
	case '"':
		return "string"
	case 't', 'f':
		return "bool"
	}
	return "number"
}

func syntaxError(text []byte) error {
	var value json.RawMessage
	err := json.Unmarshal(text, &value)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return undecodable(placeOf(text, syntax), "%s", err)
	}
	return undecodable("write one JSON object", "%s", err)
}

// decodeError explains an error of encoding/json about the value at key.
func decodeError(key string, err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return mismatch(join(key, wrong.Field), wrong.Value, jsonType(wrong.Type))
	}
	return err
}

func mismatch(key, kind, want string) error {
	return undecodable("correct the type of this value",
		"%s is of JSON type %s, want %s", cmp.Or(key, "the configuration"), kind, want)
}

func notRangeSet(key, kind string) error {
	return undecodable(`write a list of range sets, each of them a list of ranges: [[{"subnet": "10.1.2.0/24"}]]`,
		"a range set in %s is of JSON type %s, want array", key, kind)
}

// undecodable keeps the wording and spelling of CNI's plugin skeleton, because people
// search their logs for it.
func undecodable(advice, format string, args ...any) error {
	text := "error unmarshall network config: " + fmt.Sprintf(format, args...)
	return &Error{Kind: ErrDecode, Text: text, Advice: advice}
}

// join joins a key and a path below it.
func join(key, path string) string { return strings.Trim(key+"."+path, ".") }

// jsonType returns the JSON type that decodes into t.
func jsonType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return jsonType(t.Elem())
	case reflect.String:
		return "string"
	case reflect.Slice:
		return "array"
	case reflect.Struct, reflect.Map:
		return "object"
	case reflect.Bool:
		return "bool"
	}
	return "integer"
}
