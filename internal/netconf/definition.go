package netconf

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// A Configuration is JSON that a runtime or multus would read.
type Configuration struct {
	Name string // of the file and, if it has several, of the definition
	Text []byte // nil if Err is set
	Err  error
}

// definitionKind is the kind of the Kubernetes object that has a configuration for multus
// (Kubernetes Network Custom Resource Definition De-facto Standard, version 1, section
// 3.2).
const definitionKind = "NetworkAttachmentDefinition"

// Split returns the configurations in a text. Usually the text is a single configuration.
// If it has NetworkAttachmentDefinitions, in YAML or JSON, alone or in a List, Split
// returns the configurations in these; one without a name gets the name of its definition,
// as in multus. It skips a definition without a configuration, for which multus reads a
// file of that name.
func Split(name string, text []byte) []Configuration {
	objects, err := definitionsIn(text)
	switch {
	case err != nil:
		return []Configuration{{Name: name, Err: err}}
	case len(objects) == 0:
		return []Configuration{{Name: name, Text: text}}
	}
	var all []Configuration
	for _, o := range objects {
		c := Configuration{Name: fmt.Sprintf("%s (%s %s)", name, definitionKind, o.Metadata)}
		if c.Text, c.Err = o.configuration(); c.Text != nil || c.Err != nil {
			all = append(all, c)
		}
	}
	return all
}

// An object has the fields of a Kubernetes object that matter here.
type object struct {
	Kind     string   `yaml:"kind"`
	Metadata metadata `yaml:"metadata"`
	Spec     struct {
		Config yaml.Node `yaml:"config"`
	} `yaml:"spec"`
	Items []object `yaml:"items"`
}

type metadata struct {
	Namespace string `yaml:"namespace"`
	Name      string `yaml:"name"`
}

// String returns the namespace, if there is one, and the name.
func (m metadata) String() string {
	if m.Namespace == "" {
		return m.Name
	}
	return m.Namespace + "/" + m.Name
}

// definitionsIn returns the definitions in a text, if any.
func definitionsIn(text []byte) (all []object, err error) {
	if !bytes.Contains(text, []byte(definitionKind)) {
		return nil, nil // It may not be YAML at all.
	}
	var compact bytes.Buffer
	if json.Compact(&compact, text) == nil {
		text = compact.Bytes() // JSON may be indented with tabs, YAML may not.
	}
	for d := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var o object
		switch err := d.Decode(&o); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, err
		}
		for _, o := range append([]object{o}, o.Items...) {
			if o.Kind == definitionKind {
				all = append(all, o)
			}
		}
	}
}

// configuration returns the configuration in a definition, or nil if there is none.
func (o object) configuration() ([]byte, error) {
	c := o.Spec.Config
	switch {
	case c.Kind == 0, c.Kind == yaml.ScalarNode && c.Value == "":
		return nil, nil
	case c.Kind != yaml.ScalarNode:
		return nil, errors.New("spec.config is an object; write it as a JSON string, in quotes or after a |")
	}
	var named struct {
		Name string `json:"name"`
	}
	if json.Unmarshal([]byte(c.Value), &named) != nil || named.Name != "" {
		return []byte(c.Value), nil // Errors are reported when it is parsed.
	}
	return with([]byte(c.Value), map[string]any{"name": o.Metadata.Name})
}
