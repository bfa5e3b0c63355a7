package attachments

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/leasehold/leasehold/backend"
)

// parseJSON reads a sequence of JSON values.
func parseJSON(text []byte) (l List, err error) {
	if !utf8.Valid(text) { // encoding/json would replace the invalid bytes.
		return List{}, errors.New("invalid JSON: it is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	for {
		number := lineOfNext(text, dec.InputOffset())
		var value json.RawMessage
		err := dec.Decode(&value)
		if errors.Is(err, io.EOF) {
			return l, nil
		}
		if err != nil {
			return List{}, brokenJSON(text, err)
		}
		more, err := parseValue(value)
		if err != nil {
			return List{}, fmt.Errorf("line %d: %w", number, err)
		}
		for _, e := range more {
			e.Where = strings.TrimSuffix(fmt.Sprintf("line %d: %s", number, e.Where), ": ")
			l.Entries = append(l.Entries, e)
		}
	}
}

// lineOfNext returns the number of the line on which the next value after offset begins.
func lineOfNext(text []byte, offset int64) int {
	rest := bytes.TrimLeft(text[offset:], " \t\r\n")
	return lineOf(text, int64(len(text)-len(rest)))
}

func lineOf(text []byte, offset int64) int { return 1 + bytes.Count(text[:offset], []byte("\n")) }

func brokenJSON(text []byte, err error) error {
	offset := int64(len(text)) // for an unexpected end
	if at := (*json.SyntaxError)(nil); errors.As(err, &at) {
		offset = at.Offset
	}
	return fmt.Errorf("line %d: invalid JSON: %w", lineOf(text, offset), err)
}

func parseValue(value json.RawMessage) ([]Entry, error) {
	switch value[0] {
	case '[':
		return parseList("", value)
	case '{':
		return parseObject(value)
	}
	return parseAlone(value)
}

func parseAlone(value json.RawMessage) ([]Entry, error) {
	e, err := parseOne(value)
	return []Entry{e}, err
}

// parseObject reads an object that contains a list, or that is an attachment.
func parseObject(value json.RawMessage) ([]Entry, error) {
	var o struct {
		Valid json.RawMessage `json:"cni.dev/valid-attachments"`

		// An early draft of the SPEC used this name, and libcni writes both.
		Older json.RawMessage `json:"cni.dev/attachments"`

		// crictl's output has one of these.
		Items      json.RawMessage `json:"items"`
		Containers json.RawMessage `json:"containers"`
	}
	if err := decodeObject(value, &o, "cni.dev/valid-attachments", "cni.dev/attachments", "items", "containers"); err != nil {
		return nil, err
	}
	switch {
	case o.Items != nil && (o.Valid != nil || o.Older != nil || o.Containers != nil):
		return nil, errors.New("several lists in one object: items and another")
	case o.Valid != nil:
		return parseList("cni.dev/valid-attachments", o.Valid)
	case o.Older != nil:
		return parseList("cni.dev/attachments", o.Older)
	case o.Items != nil:
		return parseList("items", o.Items)
	case o.Containers != nil:
		return nil, errNotPods
	}
	return parseAlone(value)
}

// errNotPods rejects a list of Kubernetes containers, even if it has the IDs of their pods: a
// pod whose containers have all exited keeps its address, but would be missing.
var errNotPods = errors.New(`the list has containers instead of pod sandboxes: use "crictl pods -o json"`)

// parseList accepts null as an empty list, because libcni writes an empty slice that way.
func parseList(key string, value json.RawMessage) ([]Entry, error) {
	var elements []json.RawMessage
	if err := decode(value, &elements); err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	var entries []Entry
	for i, element := range elements {
		e, err := parseOne(element)
		e.Where = fmt.Sprintf("%s[%d]", key, i)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Where, err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// parseOne reads a container ID, or an object with one.
func parseOne(value json.RawMessage) (Entry, error) {
	var o backend.Owner
	var err error
	switch value[0] {
	case '"':
		err = decode(value, &o.ContainerID)
	case '{':
		o, err = parseAttachment(value)
	default:
		err = fmt.Errorf("want a container ID in quotes, or an object with one: %.40s", value)
	}
	if err == nil {
		err = o.Validate()
	}
	return Entry{Owner: o}, err
}

func parseAttachment(value json.RawMessage) (backend.Owner, error) {
	var a struct {
		ContainerID string `json:"containerID"`
		IfName      string `json:"ifname"`

		// crictl prints this for a pod, podman and nerdctl for a container.
		ID string `json:"id"`

		// crictl prints this for a container.
		PodSandboxID json.RawMessage `json:"podSandboxId"`
	}
	if err := decodeObject(value, &a, "containerID", "ifname", "id", "podSandboxId"); err != nil {
		return backend.Owner{}, err
	}
	id := a.ContainerID
	switch {
	case a.PodSandboxID != nil:
		return backend.Owner{}, errNotPods
	case id == "":
		id = a.ID
	case a.ID != "" && a.ID != id:
		return backend.Owner{}, fmt.Errorf("containerID is %q and id %q", id, a.ID)
	}
	if id == "" {
		return backend.Owner{}, errors.New("want an object with the key containerID or id")
	}
	return backend.Owner{ContainerID: id, IfName: a.IfName}, nil
}

// decodeObject is decode for an object, and rejects an object that has one of the keys twice.
// encoding/json ignores case and keeps only the last value, so the attachments in the others
// would be overlooked.
func decodeObject(value json.RawMessage, into any, keys ...string) error {
	dec := json.NewDecoder(bytes.NewReader(value))
	if _, err := dec.Token(); err != nil { // the brace
		return err
	}
	seen := make(map[string]bool)
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string) // A key is always a string.
		i := slices.IndexFunc(keys, func(key string) bool { return strings.EqualFold(key, name) })
		if i >= 0 && seen[keys[i]] {
			return fmt.Errorf("the key %s is given twice in one object", keys[i])
		}
		if i >= 0 {
			seen[keys[i]] = true
		}
		var skipped json.RawMessage
		if err := dec.Decode(&skipped); err != nil {
			return err
		}
	}
	return decode(value, into)
}

// decode is json.Unmarshal with errors about keys instead of Go types.
func decode(value json.RawMessage, into any) error {
	err := json.Unmarshal(value, into)
	var mismatch *json.UnmarshalTypeError
	switch {
	case !errors.As(err, &mismatch):
		return err
	case mismatch.Field == "":
		return fmt.Errorf("want a JSON array, not a JSON %s", mismatch.Value)
	}
	return fmt.Errorf("%s must not be a JSON %s", mismatch.Field, mismatch.Value)
}
