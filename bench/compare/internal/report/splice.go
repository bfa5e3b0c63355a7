package report

import (
	"fmt"
	"os"
	"strings"
)

// Splice puts text into a file, in place of what stands between two lines:
//
//	<!-- compare: name -->
//	<!-- compare: end of name -->
//
// A file without them is an error: what is around them was written by people.
func Splice(path, name, text string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	begin, end := "<!-- compare: "+name+" -->\n", "<!-- compare: end of "+name+" -->\n"
	before, rest, begins := strings.Cut(string(old), begin)
	_, after, ends := strings.Cut(rest, end)
	if !begins || !ends {
		return fmt.Errorf("%s: no lines %q and %q", path, strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return os.WriteFile(path, []byte(before+begin+"\n"+strings.TrimSpace(text)+"\n\n"+end+after), 0o644)
}
