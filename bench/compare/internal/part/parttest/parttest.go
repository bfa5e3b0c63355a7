// Package parttest tests parts of the comparison: that they run, and that what they
// find can be shown.
package parttest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/bench/compare/internal/part"
	"github.com/leasehold/leasehold/bench/compare/internal/program"
	"github.com/leasehold/leasehold/bench/compare/internal/result"
)

// Place is the name of the place in which parts run.
const Place = "here"

// Env builds the programs and returns what a part is given.
func Env(t *testing.T) part.Env {
	t.Helper()
	set, err := program.Builder{Dir: t.TempDir()}.All(t.Context())
	require.NoError(t, err)
	return part.Env{Programs: set, Places: []part.Place{{Name: Place, Dir: t.TempDir()}}}
}

// Show holds that results can be shown, and returns the section about them. Each of
// the texts has to be in it.
func Show(t *testing.T, p part.Part, r *result.Results, texts ...string) string {
	t.Helper()
	var out strings.Builder
	require.NoError(t, p.Section.Write(&out, r))
	for _, text := range texts {
		require.Contains(t, out.String(), text)
	}
	names := make(map[string]bool)
	for _, f := range p.Figures(r) {
		require.True(t, strings.HasPrefix(f.Name, p.Name+"-"), f.Name)
		require.False(t, names[f.Name], "two figures of one name: %s", f.Name)
		names[f.Name] = true
		svg, err := f.SVG()
		require.NoError(t, err)
		require.NotEmpty(t, svg)
		for _, panel := range f.Panels {
			require.NotEmpty(t, panel.Lines, "%s: %s", f.Name, panel.Title)
		}
	}
	require.NotEmpty(t, names)
	return out.String()
}
