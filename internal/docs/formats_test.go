package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// docs/formats.md names every bucket, key, file and export key that the code defines.
func TestFormatsNamesWhatTheCodeNames(t *testing.T) {
	formats := read(t, "docs/formats.md")
	for file, constants := range map[string][]string{
		"backend/bolt/internal/format/format.go": {"MetaBucket", "LeasesBucket", "OwnersBucket", "RunsBucket", "BootsBucket", "CursorsBucket", "HistoryBucket", "LatestBucket", "CoolingBucket", "QueueBucket", "VersionKey"},
		"backend/bolt/internal/format/pack.go":   {"FirstKey", "PolicyKey"},
		"backend/files/name.go":                  {"cursorPrefix", "bootName", "journalName", "damagedName", "seenName", "newPrefix", "oldPrefix"},
		"internal/exchange/names.go":             {"dirName", "sharedLockName", "newDirEnding", "newFileEnding", "successorInfix", "copyEnding", "probeEnding", "backupInfix", "nextEnding", "exportEnding"},
		"internal/exchange/bar.go":               {"MovedLock"},
	} {
		texts := namedStrings(t, file)
		for _, name := range constants {
			require.NotEmpty(t, texts[name], "%s in %s", name, file)
			require.Contains(t, formats, texts[name], "%s in %s", name, file)
		}
	}
	for _, key := range keysWritten(t, "internal/dump/write.go") {
		require.Regexp(t, "`[^`\n]*\\b"+key+"\\b[^`\n]*`", formats, key)
	}
}

// namedStrings returns the string constants of a file by name.
func namedStrings(t *testing.T, file string) map[string]string {
	t.Helper()
	texts := make(map[string]string)
	ast.Inspect(parse(t, file), func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			for i, name := range spec.Names {
				if i < len(spec.Values) {
					texts[name.Name] = firstString(spec.Values[i])
				}
			}
		}
		return true
	})
	return texts
}

// keysWritten returns the first argument of each call of text and number in a file.
func keysWritten(t *testing.T, file string) (keys []string) {
	t.Helper()
	ast.Inspect(parse(t, file), func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		if f, ok := call.Fun.(*ast.SelectorExpr); ok && (f.Sel.Name == "text" || f.Sel.Name == "number") {
			if key := firstString(call.Args[0]); key != "" {
				keys = append(keys, key)
			}
		}
		return true
	})
	require.Contains(t, keys, "containerID")
	return keys
}

// firstString returns the first string literal in an expression, or "".
func firstString(e ast.Expr) (text string) {
	ast.Inspect(e, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING && text == "" {
			text, _ = strconv.Unquote(l.Value) // Cannot fail for a parsed literal.
		}
		return true
	})
	return strings.TrimSpace(text)
}

func parse(t *testing.T, file string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, 0)
	require.NoError(t, err)
	return f
}
