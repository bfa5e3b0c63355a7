package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/lint"
	"github.com/leasehold/leasehold/internal/lint/linttest"
)

func TestValidateReportedMistakes(t *testing.T) {
	for _, c := range linttest.Trackers() {
		t.Run(c.Name(), func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, c.File)
			args := []string{"validate", "--conf-dir", dir}
			if strings.HasSuffix(file, ".yaml") {
				args = append(args, "--conf", file)
			}
			require.NoError(t, os.WriteFile(file, []byte(c.Text), 0o600))
			if c.Beside != "" {
				require.NoError(t, os.WriteFile(filepath.Join(dir, "beside.conf"), []byte(c.Beside), 0o600))
			}
			var out bytes.Buffer
			tool := tool{
				in: strings.NewReader(""), out: &out, errs: &out, getenv: func(string) string { return "" },
				hostAddrs: func() ([]lint.HostAddr, error) { return nil, nil },
			}
			status := tool.run(t.Context(), args)
			for _, want := range c.Wants {
				require.Contains(t, out.String(), want)
			}
			if c.Note {
				require.Equal(t, statusOK, status, out.String())
			} else {
				require.Equal(t, statusNo, status, out.String())
			}
		})
	}
}
