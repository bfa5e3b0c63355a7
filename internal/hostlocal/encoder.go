package hostlocal

import (
	"io"
	"net/netip"

	"github.com/go-json-experiment/json/jsontext"
)

// An encoder writes JSON. After an error it writes nothing more.
type encoder struct {
	tokens *jsontext.Encoder
	err    error
}

// newEncoder returns an encoder that escapes as encoding/json does.
func newEncoder(w io.Writer, format ...jsontext.Options) *encoder {
	return &encoder{tokens: jsontext.NewEncoder(w, append(format,
		jsontext.EscapeForHTML(true), jsontext.EscapeForJS(true), jsontext.AllowInvalidUTF8(true))...)}
}

func (e *encoder) write(t jsontext.Token) {
	if e.err == nil {
		e.err = e.tokens.WriteToken(t)
	}
}

func (e *encoder) key(name string) { e.write(jsontext.String(name)) }

func (e *encoder) object(members func()) {
	e.write(jsontext.BeginObject)
	members()
	e.write(jsontext.EndObject)
}

func (e *encoder) array(key string, items func()) {
	e.key(key)
	e.write(jsontext.BeginArray)
	items()
	e.write(jsontext.EndArray)
}

func (e *encoder) text(key, value string) {
	e.key(key)
	e.write(jsontext.String(value))
}

// texts leaves out an empty list.
func (e *encoder) texts(key string, values []string) {
	if len(values) == 0 {
		return
	}
	e.array(key, func() {
		for _, v := range values {
			e.write(jsontext.String(v))
		}
	})
}

// addr leaves out the zero address.
func (e *encoder) addr(key string, addr netip.Addr) {
	if addr.IsValid() {
		e.text(key, addr.String())
	}
}

func (e *encoder) number(key string, value int) {
	e.key(key)
	e.write(jsontext.Int(int64(value)))
}
