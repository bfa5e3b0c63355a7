package config

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Decode is json.Unmarshal with errors that name JSON keys instead of Go types.
//
// It walks through a [composite] token by token, with the same result. encoding/json would
// first study a struct with package reflect, and every container would wait for that.
func Decode(text []byte, into any) error { return decodeAt("", text, into) }

// decodeAt decodes the value at key, which is for errors.
func decodeAt(key string, text []byte, into any) error {
	if !json.Valid(text) {
		return syntaxError(text)
	}
	d := decoder{json.NewDecoder(bytes.NewReader(text)), key}
	return d.value(into)
}

// A decoder decodes valid JSON.
type decoder struct {
	tokens *json.Decoder
	key    string // of the present value
}

func (d *decoder) value(into any) error {
	if v, ok := into.(interface{ fields() object }); ok {
		into = v.fields()
	}
	v, ok := into.(composite)
	if !ok {
		return decodeError(d.key, d.tokens.Decode(into))
	}
	d.tokens.UseNumber() // a float64 can overflow
	t, err := d.tokens.Token()
	if err != nil {
		return decodeError(d.key, err)
	}
	if t == nil {
		v.setNull()
		return nil
	}
	return v.decode(d, t)
}

// kindOf returns the JSON type of a value that begins with t.
func kindOf(t json.Token) string {
	switch t {
	case json.Delim('{'):
		return "object"
	case json.Delim('['):
		return "array"
	}
	switch t.(type) {
	case string:
		return "string"
	case bool:
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
		if t.Elem().Kind() == reflect.Uint8 { // net.IP
			return "string"
		}
		return "array"
	case reflect.Struct, reflect.Map:
		return "object"
	case reflect.Bool:
		return "bool"
	}
	return "integer"
}
