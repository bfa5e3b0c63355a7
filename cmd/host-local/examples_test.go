package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/hostlocal"
)

// withDataDir returns text with another data directory.
func withDataDir(text, dir string) string {
	var conf map[string]any
	if err := json.Unmarshal([]byte(text), &conf); err != nil {
		panic(err)
	}
	conf["ipam"].(map[string]any)["dataDir"] = dir
	changed, err := json.Marshal(conf)
	if err != nil {
		panic(err)
	}
	return string(changed)
}

// plugins returns the configurations in an example, as a plugin gets them.
func plugins(t *testing.T, text []byte) []string {
	t.Helper()
	var list struct {
		CNIVersion string           `json:"cniVersion"`
		Name       string           `json:"name"`
		Plugins    []map[string]any `json:"plugins"`
	}
	require.NoError(t, json.Unmarshal(text, &list))
	if list.Plugins == nil {
		return []string{string(text)}
	}
	var confs []string
	for _, p := range list.Plugins {
		if p["ipam"] == nil {
			continue
		}
		p["cniVersion"], p["name"] = list.CNIVersion, list.Name
		text, err := json.Marshal(p)
		require.NoError(t, err)
		confs = append(confs, string(text))
	}
	return confs
}

// Every example leases an address and releases it.
func TestExamples(t *testing.T) {
	names, err := filepath.Glob("../../examples/*.*")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			confs := plugins(t, text)
			require.NotEmpty(t, confs)
			for _, conf := range confs {
				conf = withDataDir(conf, t.TempDir())
				answer := run(t, "ADD", conf)
				require.Contains(t, answer, `"ip`)
				require.Empty(t, run(t, "DEL", conf))
				require.Empty(t, run(t, "DEL", conf))
			}
		})
	}
}

func run(t *testing.T, command, conf string) string {
	t.Helper()
	env := map[string]string{"CNI_COMMAND": command, "CNI_CONTAINERID": "example"}
	var out, warnings bytes.Buffer
	p := hostlocal.Plugin{
		Getenv: func(name string) string { return env[name] },
		Stdin:  strings.NewReader(conf), Stdout: &out, Stderr: &warnings,
	}
	require.Zero(t, p.Run(), "%s: %s", command, out.String())
	require.Empty(t, warnings.String())
	return out.String()
}
