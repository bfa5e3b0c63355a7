package samples

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// Write writes the set to a file, and makes its directory.
func (s *Set) Write(path string) error {
	var out bytes.Buffer
	fmt.Fprintf(&out, "part: %s\n", s.Part)
	for _, c := range s.Config {
		fmt.Fprintf(&out, "%s: %s\n", c[0], c[1])
	}
	out.WriteString("\n")
	for _, k := range distinct(s.Samples, func(one Sample) (Key, bool) { return one.Key, true }) {
		for round := 0; ; round++ {
			values := s.round(k, round)
			if values == "" {
				break
			}
			fmt.Fprintf(&out, "%s 1%s\n", k.Name(s.Part), values)
		}
	}
	return errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, out.Bytes(), 0o644))
}

// round returns the values of a key in a round, with their units.
func (s *Set) round(k Key, round int) string {
	text := ""
	for _, one := range s.Samples {
		if one.Key == k && round < len(one.Values) {
			text += " " + strconv.FormatFloat(one.Values[round], 'f', -1, 64) + " " + one.Unit
		}
	}
	return text
}

// Name returns the name of a benchmark. It ends in a key with a number: benchstat would
// take the end of bolt-at-0 for GOMAXPROCS.
func (k Key) Name(part string) string {
	name := "Benchmark" + strings.ToUpper(part[:1]) + part[1:] + "/store=" + k.Store + "/fs=" + k.FS
	if k.Case != "" {
		name += "/case=" + k.Case
	}
	name += "/leases=" + strconv.Itoa(k.Leases)
	if k.AtOnce > 0 {
		name += "/at-once=" + strconv.Itoa(k.AtOnce)
	}
	return name
}

var nameForm = regexp.MustCompile(`^\w+/store=([^/]+)/fs=([^/]+)(?:/case=([^/]+))?/leases=(\d{1,9})(?:/at-once=(\d{1,9}))?$`)

// Read reads a set from a file. If there is no such file, the set is nil.
func Read(path string) (*Set, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close() // it was only read
	s := new(Set)
	r := benchfmt.NewReader(f, path)
	for r.Scan() {
		if err := s.record(r.Result()); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return s, r.Err()
}

func (s *Set) record(rec benchfmt.Record) error {
	line, ok := rec.(*benchfmt.Result)
	if !ok {
		return fmt.Errorf("not a benchmark result: %v", rec)
	}
	if s.Part == "" && len(line.Config) > 0 {
		s.Part = string(line.Config[0].Value)
		for _, c := range line.Config[1:] {
			s.Config = append(s.Config, [2]string{c.Key, string(c.Value)})
		}
	}
	m := nameForm.FindStringSubmatch(string(line.Name))
	if m == nil {
		return fmt.Errorf("not a name of the comparison: %s", line.Name)
	}
	k := Key{Store: m[1], FS: m[2], Case: m[3]}
	k.Leases, _ = strconv.Atoi(m[4]) // few digits
	k.AtOnce, _ = strconv.Atoi(m[5]) // the same, or none, which is 0
	for _, v := range line.Values {
		if v.OrigUnit != "" {
			v.Value, v.Unit = v.OrigValue, v.OrigUnit // as written: without the change from ns to s
		}
		s.Add(k, v.Unit, v.Value)
	}
	return nil
}
