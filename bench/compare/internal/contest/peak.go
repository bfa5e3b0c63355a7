package contest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/leasehold/leasehold/bench/compare/internal/program"
	"github.com/leasehold/leasehold/bench/compare/internal/store"
)

// AddPeak is Add, by way of a program that writes how much memory the plugin had at
// most; see the command peak. It returns bytes.
func (c *Contestant) AddPeak(launcher program.Program) (bytes float64, err error) {
	var next store.Attachment
	if c.Store != nil {
		next, _ = c.Store.Next()
	}
	command, err := c.command("ADD", next)
	if err != nil {
		return 0, err
	}
	command.Path, command.Args = launcher.Path, []string{command.Path}
	run, err := command.Do()
	if err != nil {
		return 0, c.explain("ADD", err)
	}
	answer, bytes, err := splitPeak(run.Output)
	if err != nil || c.Store == nil {
		return bytes, c.explain("ADD", err)
	}
	if err := c.checkResult(answer, next); err != nil {
		return 0, c.explain("ADD", err)
	}
	return bytes, c.Store.Added(next)
}

// splitPeak separates what the plugin wrote from the KiB on a line after it.
func splitPeak(output string) (answer string, bytes float64, err error) {
	output = strings.TrimSuffix(output, "\n")
	i := strings.LastIndexByte(output, '\n')
	kib, err := strconv.ParseInt(output[i+1:], 10, 64)
	if err != nil || i < 0 {
		return "", 0, fmt.Errorf("it was not said how much memory it had: %s", output)
	}
	return output[:i], float64(kib << 10), nil
}
