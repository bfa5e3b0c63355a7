package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Write writes the results to a file, and makes the directory it lies in. Each series
// is a line: where files are compared line by line, what differs can be read.
func (r *Results) Write(path string) error {
	text, err := r.encode()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

func (r *Results) encode() ([]byte, error) {
	head := *r
	head.Series = []Series{}
	text, err := json.MarshalIndent(head, "", "\t")
	if err != nil {
		return nil, err
	}
	var lines [][]byte
	for _, s := range r.Series {
		line, err := json.Marshal(s)
		if err != nil {
			return nil, err
		}
		lines = append(lines, append([]byte("\t\t"), line...))
	}
	series := append([]byte("[\n"), bytes.Join(lines, []byte(",\n"))...)
	text = bytes.Replace(text, []byte("[]\n}"), append(series, "\n\t]\n}"...), 1)
	return append(text, '\n'), nil
}

// Read reads results from a file. Where there is no such file they are nil.
func Read(path string) (*Results, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := new(Results)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, &fs.PathError{Op: "decode", Path: path, Err: err}
	}
	return r, nil
}
