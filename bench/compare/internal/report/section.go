package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/leasehold/leasehold/bench/compare/internal/result"
)

// A Section is all that is to be said about the results of one part.
type Section struct {
	Title  string
	Text   string
	Tables []Table
	Goals  []Goal

	// Figures are the titles of pictures by their paths.
	Figures []Figure
}

// A Figure is a picture that has been written elsewhere.
type Figure struct{ Title, Path string }

// Write writes the section in Markdown.
func (s Section) Write(w io.Writer, r *result.Results) error {
	if _, err := fmt.Fprintf(w, "## %s\n\n%s\n\n", s.Title, s.Text); err != nil {
		return err
	}
	for _, t := range s.Tables {
		if err := t.write(w, r); err != nil {
			return err
		}
	}
	if err := writeGoals(w, r, s.Goals); err != nil {
		return err
	}
	for _, f := range s.Figures {
		if _, err := fmt.Fprintf(w, "![%s](%s)\n\n", f.Title, f.Path); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, circumstances(r))
	return err
}

// circumstances says on what, with what and when it was measured.
func circumstances(r *result.Results) string {
	var text strings.Builder
	how := ""
	if r.Quick {
		how = ", with `-quick`: few rounds, small fills"
	}
	fmt.Fprintf(&text, "Measured on %s%s. %s.\n\n", r.Date, how, r.Machine)
	for _, name := range slices.Sorted(maps.Keys(r.FileSystems)) {
		fmt.Fprintf(&text, "- %s: %s\n", name, r.FileSystems[name])
	}
	for _, p := range r.Programs {
		fmt.Fprintf(&text, "- %s: %s\n", p.Name, p.Version)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Missing)) {
		fmt.Fprintf(&text, "- not measured: %s: %s\n", name, r.Missing[name])
	}
	return text.String()
}
