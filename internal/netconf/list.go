package netconf

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containernetworking/cni/pkg/version"

	"github.com/leasehold/leasehold/internal/config"
)

// The rules for files and lists are libcni's. libcni itself is not used, because it also
// executes plugins, and depends on OpenTelemetry for that.

// confFiles returns the files of a directory that have one of the extensions, in lexical
// order. A directory that does not exist has none.
func confFiles(dir string, extensions ...string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var files []string
	for _, e := range entries {
		if !e.IsDir() && slices.Contains(extensions, filepath.Ext(e.Name())) {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files, err
}

// A rawList is a list of plugins (CNI SPEC, section 1).
type rawList struct {
	Name        string            `json:"name"`
	CNIVersion  string            `json:"cniVersion"`
	CNIVersions []string          `json:"cniVersions"`
	Plugins     []json.RawMessage `json:"plugins"`

	// Bools, possibly in quotes.
	LoadOnlyInlinedPlugins any `json:"loadOnlyInlinedPlugins"`
	DisableGC              any `json:"disableGC"`
}

// isTrue reports whether v is true, possibly in quotes.
func isTrue(v any) bool { return v == true || strings.EqualFold(fmt.Sprint(v), "true") }

func parseList(text []byte) (rawList, error) {
	var list rawList
	if err := config.Decode(text, &list); err != nil {
		return list, err
	}
	return list, config.CheckName(list.Name)
}

// addDir adds the plugins in the subdirectory of dir that is named after the network (CNI
// 1.1).
func (l *rawList) addDir(dir string) error {
	if isTrue(l.LoadOnlyInlinedPlugins) {
		return nil
	}
	files, err := confFiles(filepath.Join(dir, l.Name), ".conf")
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := readRegular(file)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		l.Plugins = append(l.Plugins, text)
	}
	return nil
}

// complete returns the plugins with the name and the version of the list.
func (l *rawList) complete() ([]json.RawMessage, error) {
	if len(l.Plugins) == 0 {
		return nil, errors.New("the list has no plugins")
	}
	cniVersion, err := l.version()
	if err != nil {
		return nil, fmt.Errorf("cniVersions: %w", err)
	}
	var complete []json.RawMessage
	for i, text := range l.Plugins {
		text, err := with(text, map[string]any{"name": l.Name, "cniVersion": cniVersion})
		if err != nil {
			return nil, fmt.Errorf("plugin %d: %w", i, err)
		}
		complete = append(complete, text)
	}
	return complete, nil
}

// version returns the highest supported version in the list.
func (l *rawList) version() (string, error) {
	if l.CNIVersions == nil {
		return l.CNIVersion, nil
	}
	highest := ""
	for _, v := range append(l.CNIVersions, l.CNIVersion) {
		beyond, err := version.GreaterThan(v, version.Current())
		if err != nil {
			return "", err
		}
		if higher, err := version.GreaterThan(v, highest); err != nil {
			return "", err
		} else if higher && !beyond {
			highest = v
		}
	}
	return cmp.Or(highest, l.CNIVersion), nil
}

// with returns a JSON object with other values for some keys.
func with(text []byte, values map[string]any) ([]byte, error) {
	var object map[string]any
	if err := config.Decode(text, &object); err != nil {
		return nil, err
	}
	if object == nil {
		return nil, errors.New("want a JSON object")
	}
	for key, value := range values {
		object[key] = value
	}
	return json.Marshal(object)
}
