package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/internal/cli"
	"github.com/leasehold/leasehold/internal/lint/linttest"
)

// verify explains configurations that users reported in issue trackers. A YAML definition is
// given by --conf, because --conf-dir ignores files with that suffix.
func TestVerifyExplainsReportedMisconfigurations(t *testing.T) {
	for _, c := range linttest.Trackers() {
		t.Run(c.Name(), func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, c.File)
			args := []string{"verify", "--data-dir", t.TempDir()}
			if strings.HasSuffix(file, ".yaml") {
				args = append(args, "--conf", file)
			} else {
				args = append(args, "--conf-dir", dir)
			}
			require.NoError(t, os.WriteFile(file, []byte(c.Text), 0o600))
			if c.Beside != "" {
				require.NoError(t, os.WriteFile(filepath.Join(dir, "beside.conf"), []byte(c.Beside), 0o600))
			}
			var out bytes.Buffer
			tool := tool{in: strings.NewReader(""), out: &out, errs: &out, now: time.Now, getenv: func(string) string { return "" }}
			status := tool.run(t.Context(), args)
			for _, want := range c.Wants {
				require.Contains(t, out.String(), want)
			}
			require.Equal(t, c.Note, status == cli.StatusOK, out.String())
		})
	}
}
