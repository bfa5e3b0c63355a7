// Reasons reports each error that is dropped, and each use of package unsafe, without a
// comment beside it that says why that is safe. Beside means on the same line, or on the
// line above it; a run of such lines shares the comment above it.
//
//	reasons ./...
//
// It prints file and line of each and exits with status 1 if there is any. A linter's own
// directive for this (nolint:errcheck with an explanation) was rejected: the reason is for
// readers of the code, who have no use for the name of a linter.
package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kisielk/errcheck/errcheck"
	"golang.org/x/tools/go/packages"
)

func main() {
	found, err := find(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "reasons:", err)
		os.Exit(2)
	}
	for _, f := range found {
		fmt.Println(f)
	}
	if len(found) > 0 {
		os.Exit(1)
	}
}

// checker has errcheck's idea of a dropped error, an assignment to _ included.
//
// Printing for people is excluded: the packages cli and cmd/* print to standard output and
// standard error, and have nowhere else to report that this failed.
// So are the methods of a bufio.Writer that return its first error again and again: Flush
// returns it too, and is not excluded.
// Tests are excluded: a test asserts what matters to it, and cleans up as best it can.
func checker() *errcheck.Checker {
	c := &errcheck.Checker{}
	c.Exclusions.TestFiles = true
	c.Exclusions.TypeAssertions = true
	c.Exclusions.Symbols = append(slices.Clone(errcheck.DefaultExcludedSymbols),
		"fmt.Fprint", "fmt.Fprintf", "fmt.Fprintln",
		"(*bufio.Writer).Write", "(*bufio.Writer).WriteByte", "(*bufio.Writer).WriteRune", "(*bufio.Writer).WriteString")
	return c
}

// find returns "FILE:LINE: what" for each line without a reason in these packages.
func find(patterns []string) ([]string, error) {
	c := checker()
	loaded, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedDeps |
			packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo,
	}, patterns...)
	if err != nil {
		return nil, err
	}
	if packages.PrintErrors(loaded) > 0 {
		return nil, fmt.Errorf("%v cannot be loaded", patterns)
	}
	if len(loaded) == 0 {
		return nil, fmt.Errorf("%v matches no package", patterns)
	}
	var found []string
	for _, p := range loaded {
		found = append(found, inPackage(c, p)...)
	}
	return found, nil
}

// inPackage returns what a package has without a reason.
func inPackage(c *errcheck.Checker, p *packages.Package) []string {
	dropped := make(map[string][]int) // lines by file
	for _, e := range c.CheckPackage(p).UncheckedErrors {
		dropped[e.Pos.Filename] = append(dropped[e.Pos.Filename], e.Pos.Line)
	}
	var found []string
	for _, f := range p.Syntax {
		name := p.Fset.Position(f.Pos()).Filename
		suspects := unsafeLines(p.Fset, f)
		for _, line := range dropped[name] {
			suspects[line] = "dropped error"
		}
		for _, line := range unexplained(suspects, newLayout(p.Fset, f)) {
			found = append(found, fmt.Sprintf("%s:%d: %s without a reason", relative(name), line, suspects[line]))
		}
	}
	return found
}

// lines says what is found on each line of a file.
type lines map[int]string

// unsafeLines returns the lines that use package unsafe, but for its constants.
func unsafeLines(fset *token.FileSet, f *ast.File) lines {
	constants := map[string]bool{"Alignof": true, "Offsetof": true, "Sizeof": true}
	found := make(lines)
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == "unsafe" && !constants[s.Sel.Name] {
				found[fset.Position(s.Pos()).Line] = "unsafe." + s.Sel.Name
			}
		}
		return true
	})
	return found
}

// A layout says what the lines of a file have to do with each other.
type layout struct {
	comment map[int]bool // whether a comment ends on a line
	code    map[int]bool // whether something else begins or ends on it
	begin   map[int]int  // from each line of a simple statement to its first
}

func newLayout(fset *token.FileSet, f *ast.File) layout {
	l := layout{make(map[int]bool), make(map[int]bool), make(map[int]int)}
	for _, group := range f.Comments {
		for _, c := range group.List {
			if !strings.HasPrefix(c.Text, "//go:") {
				l.comment[fset.Position(c.End()).Line] = true
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n.(type) {
		case nil, *ast.CommentGroup:
			return false
		}
		begin, end := fset.Position(n.Pos()).Line, fset.Position(n.End()).Line
		l.code[begin], l.code[end] = true, true
		switch n.(type) {
		case *ast.AssignStmt, *ast.ExprStmt, *ast.ReturnStmt, *ast.DeferStmt, *ast.GoStmt:
			for line := begin; line <= end; line++ {
				l.begin[line] = begin // A statement within another comes later, and wins.
			}
		}
		return true
	})
	return l
}

// unexplained returns the suspect lines whose statement has no comment on or above it, nor
// above the run of suspect lines that it belongs to.
func unexplained(suspects lines, l layout) []int {
	var found []int
	for _, line := range slices.Sorted(maps.Keys(suspects)) {
		first := cmp.Or(l.begin[line], line)
		above := first - 1
		for suspects[above] != "" {
			above--
		}
		if !l.comment[line] && !l.comment[first] && (!l.comment[above] || l.code[above]) {
			found = append(found, line)
		}
	}
	return found
}

// relative returns a file's name as seen from the working directory, if it is below it.
func relative(name string) string {
	if wd, err := os.Getwd(); err == nil {
		if r, err := filepath.Rel(wd, name); err == nil && filepath.IsLocal(r) {
			return r
		}
	}
	return name
}
