package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEachPackageHasOneDocComment(t *testing.T) {
	comments := make(map[string]int)
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			return err
		}
		dir := filepath.Dir(path)
		comments[dir] += 0
		if f.Doc != nil {
			comments[dir]++
		}
		return nil
	}))
	require.NotEmpty(t, comments)
	for dir, n := range comments {
		require.Equal(t, 1, n, "doc comments in %s", dir)
	}
}

// Imports point one way: a store imports neither another store nor the allocator, but may
// import storekit, and no package below the plugin knows CNI or JSON.
func TestImports(t *testing.T) {
	const module = "github.com/leasehold/leasehold/"
	for dir, forbidden := range map[string][]string{
		"backend":                       {module, "encoding/json", "github.com/", "os"},
		"backend/bolt":                  {module + "allocator", module + "backend/files", module + "backend/memory", module + "internal/config", "encoding/json", "github.com/containernetworking"},
		"backend/bolt/internal/page":    {module, "go.etcd.io/bbolt", "os"},
		"backend/bolt/internal/format":  {module + "allocator", module + "backend/", module + "internal", "go.etcd.io/bbolt", "os"},
		"backend/bolt/internal/salvage": {module + "allocator", module + "internal", "go.etcd.io/bbolt", "os"},
		"backend/files":                 {module + "allocator", module + "backend/", module + "internal/config", "encoding/json", "github.com/containernetworking"},
		"backend/memory":                {module + "allocator", module + "backend/", module + "internal", "encoding/json", "github.com/containernetworking"},
		"backend/storekit":              {module + "allocator", module + "backend/", module + "internal", "encoding/json", "github.com/containernetworking", "os"},
		"allocator":                     {module + "backend/", module + "internal", "encoding/json", "github.com/containernetworking", "os"},
		"internal/hostlocal":            {module + "internal/dump", "github.com/containernetworking"},
		"internal/config":               {module + "internal/dump", "github.com/containernetworking"},
		"internal/stores":               {module + "internal/dump"},
		"internal/exchange":             {module + "internal/dump"},
		"internal/neighbour":            {module, "os/exec", "net", "github.com/"},
	} {
		for path, imports := range importsOf(t, filepath.Join(root, dir)) {
			for _, imported := range imports {
				if strings.HasPrefix(dir, "backend/") && imported == module+"backend/storekit" {
					continue
				}
				for _, f := range forbidden {
					bad := imported == f || strings.HasSuffix(f, "/") && strings.HasPrefix(imported, f) || strings.HasPrefix(imported, f+"/")
					require.False(t, bad, "%s imports %s", path, imported)
				}
			}
		}
	}
}

// Package net needs a C compiler where there is one, and then the plugin is linked dynamically and
// takes twice as long to start. Reflection over JSON (go-json-experiment/json itself, not its
// jsontext) and the CNI library take time before main. A client of etcd would take three times as
// long to start as the whole plugin, which executes leasehold-cluster instead.
func TestPluginLinks(t *testing.T) {
	list := exec.Command("go", "list", "-deps", "./cmd/host-local")
	list.Dir = root
	text, err := list.Output()
	require.NoError(t, err)
	linked := strings.Fields(string(text))
	require.Contains(t, linked, "net/netip")
	for _, path := range []string{"net", "net/http", "os/exec", "runtime/cgo", "os/user", "github.com/go-json-experiment/json"} {
		require.NotContains(t, linked, path)
	}
	for _, path := range linked {
		for _, prefix := range []string{
			"github.com/containernetworking/", "google.golang.org/", "go.etcd.io/etcd/", "github.com/leasehold/leasehold/cluster",
		} {
			require.False(t, strings.HasPrefix(path, prefix), path)
		}
	}
}

// TestPluginFormatsNothingBeforeMain: a package variable that package fmt makes costs every container
// the first use of fmt. See package sentinel.
func TestPluginFormatsNothingBeforeMain(t *testing.T) {
	list := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if .Main}}{{$.Dir}}{{end}}{{end}}", "./cmd/host-local")
	list.Dir = root
	dirs, err := list.Output()
	require.NoError(t, err)
	files := 0
	for _, dir := range strings.Fields(string(dirs)) {
		names, err := filepath.Glob(filepath.Join(dir, "*.go"))
		require.NoError(t, err)
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			files++
			require.Empty(t, formattedVariables(t, name), "variables of %s that package fmt makes", name)
		}
	}
	require.Greater(t, files, 100)
}

// formattedVariables returns the package variables of a file whose values call package fmt.
func formattedVariables(t *testing.T, name string) (found []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	require.NoError(t, err)
	for _, d := range f.Decls {
		vars, ok := d.(*ast.GenDecl)
		if !ok || vars.Tok != token.VAR {
			continue
		}
		ast.Inspect(vars, func(n ast.Node) bool {
			if _, inFunction := n.(*ast.FuncLit); inFunction {
				return false
			}
			if s, ok := n.(*ast.SelectorExpr); ok {
				if p, ok := s.X.(*ast.Ident); ok && p.Name == "fmt" {
					found = append(found, s.Sel.Name)
				}
			}
			return true
		})
	}
	return found
}

func importsOf(t *testing.T, dir string) map[string][]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	require.NotEmpty(t, names)
	imports := make(map[string][]string)
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, i := range f.Imports {
			imports[name] = append(imports[name], strings.Trim(i.Path.Value, `"`))
		}
	}
	return imports
}
