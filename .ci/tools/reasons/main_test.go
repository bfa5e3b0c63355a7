package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// The statements of the example about something called unexplained are found, and no others.
func TestExample(t *testing.T) {
	const name = "testdata/example/example.go"
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for i, line := range strings.Split(string(text), "\n") {
		if strings.Contains(line, "unexplained.") || strings.Contains(line, "(unexplained)") {
			want = append(want, fmt.Sprintf("%s:%d", name, i+1))
		}
	}
	found, err := find([]string{"./testdata/example"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range found {
		where, _, _ := strings.Cut(f, ": ")
		got = append(got, where)
	}
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

// A pattern without a package is an error: otherwise a misspelt one would pass every time.
func TestNoPackage(t *testing.T) {
	if _, err := find([]string{"./testdata/none/..."}); err == nil {
		t.Error("no error")
	}
}
