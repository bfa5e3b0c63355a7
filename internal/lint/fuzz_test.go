package lint_test

import (
	"testing"

	"github.com/leasehold/leasehold/internal/lint"
	"github.com/leasehold/leasehold/internal/lint/linttest"
	"github.com/leasehold/leasehold/internal/netconf"
)

// FuzzNode checks that no text makes the linter panic, and that every finding has advice.
func FuzzNode(f *testing.F) {
	for _, c := range linttest.Trackers() {
		f.Add(c.Text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n := netconf.Inspect("x", []byte(text))
		n.Networks = append(n.Networks, n.Networks...)
		for _, found := range lint.Node(n, nil) {
			if found.Text == "" || found.Advice == "" {
				t.Fatalf("%+v", found)
			}
		}
	})
}
