package docs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A phrase does not belong in a comment, an error or a document of this project: it once was
// there dozens of times, and readers stumbled over it.
type phrase struct{ pattern, reason string }

func phrases() []phrase {
	return []phrase{
		{`(?i)\b(somebody|whoever)\b|\b[Nn]obody (?:can|has|holds|knows|is to|who|else|would|needs|works|tells|reads)\b`, "name the process, the plugin, the operator or the runtime"},
		{`(?i)\bthat of (a|an|the|its|this|another|all)\b`, "repeat the noun: the time of the lease"},
		{`(?i)\bthose of\b|\beach of those\b`, "repeat the noun: the counts of the store"},
		{`(?i)\b(is|are) none that\b|\bno (host|store|lease|file), but\b`, "say what is not there: no free address"},
		{`(?i)\bthose who\b`, "name them: processes that, users who"},
		{`(?i)\b(is|are|was|were) none of\b|\b(that|which|what|it) (is|are|was|were) none\b`, "say what it is not: is not a lease file"},
		{`(?i)\bwhat (stands|lies)\b|\b(stands|lies) (at|in [^f]|on|there|beside|behind|under) `, "use is"},
		{`\bWho (finds|meets|comes|has|wants|waits|builds|made)\b|, who (finds|meets|has to)\b`, "a process that finds, the next process"},
		{`(?i)\bsettle[sd]?\b`, "it had six meanings: sync, finish, compare, mark clean"},
		{`(?i)\bmend(s|ed|ing)?\b`, "the field's words are repair and fix"},
	}
}

// Comments, texts in the code, and documents are free of the phrases above.
func TestDialect(t *testing.T) {
	var found []string
	all := proseOfAll(t)
	delete(all, "internal/docs/dialect_test.go")
	for _, p := range phrases() {
		re := regexp.MustCompile(p.pattern)
		for path, text := range all {
			if !re.MatchString(text) {
				continue
			}
			for line := range strings.Lines(text) {
				if m := re.FindString(line); m != "" {
					found = append(found, fmt.Sprintf("%s: %q (%s): %s", path, m, p.reason, strings.TrimSpace(line)))
				}
			}
		}
	}
	require.Empty(t, found, "%s", strings.Join(found, "\n"))
}

// proseOfAll returns what people read of each file, a paragraph in a line.
func proseOfAll(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, name := range documents(t) {
		all[name] = unwrapped(prose(read(t, name)))
	}
	require.NoError(t, filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (e.Name() == "testdata" || strings.HasPrefix(e.Name(), ".") && path != root):
			return filepath.SkipDir
		case !e.IsDir() && filepath.Ext(path) == ".go":
			name, err := filepath.Rel(root, path)
			require.NoError(t, err)
			all[filepath.ToSlash(name)] = proseOfGo(t, path)
		}
		return nil
	}))
	require.Greater(t, len(all), 300)
	return all
}

// proseOfGo returns the comments of a file, and of product code also its texts, which are
// errors and help.
func proseOfGo(t *testing.T, path string) string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
	require.NoError(t, err)
	var b strings.Builder
	for _, g := range f.Comments {
		b.WriteString(unwrapped(g.Text()) + "\n")
	}
	if strings.HasSuffix(path, "_test.go") {
		return b.String()
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			b.WriteString(strings.ReplaceAll(lit.Value, "\n", " ") + "\n")
		}
		return true
	})
	return b.String()
}

// unwrapped joins the lines of each paragraph.
func unwrapped(text string) string {
	return regexp.MustCompile(`([^\n])\n([^\n|#*-])`).ReplaceAllString(text, "$1 $2")
}
