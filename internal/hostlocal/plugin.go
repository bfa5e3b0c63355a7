package hostlocal

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/leasehold/leasehold/internal/config"
	"github.com/leasehold/leasehold/internal/neighbour"
)

// A Plugin has the inputs and outputs of one execution.
type Plugin struct {
	Getenv func(string) string // the environment
	Stdin  io.Reader           // the network configuration
	Stdout io.Writer           // for the result or the error
	Stderr io.Writer           // for people who run the plugin by hand

	// Version returns the version of the program, for display.
	Version func() string

	// Neighbour gets addresses for networks that are shared with other hosts.
	Neighbour neighbour.Neighbour

	// Abandoned, unless nil, reports whether the process that started the plugin has
	// stopped waiting for its answer. ADD, DEL and GC call it while they hold the lock of
	// the store, and fail without doing anything if it has.
	Abandoned func() bool
}

// supported returns the supported CNI versions, oldest first.
func supported() []string {
	return []string{"0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"}
}

// writeVersions answers VERSION.
func writeVersions(w io.Writer) error {
	var text bytes.Buffer
	e := newEncoder(&text)
	e.object(func() {
		e.text("cniVersion", "1.1.0")
		e.texts("supportedVersions", supported())
	})
	if e.err != nil {
		return e.err
	}
	_, err := w.Write(text.Bytes())
	return err
}

// Run executes the command in the environment and returns the exit status of the process:
// 0, or 1 if an error was written to standard output.
func (p *Plugin) Run() int { return p.RunContext(context.Background()) }

// RunContext is Run for a program that does other things too. If ctx ends before the plugin
// has the lock of the store, the command fails and nothing is done.
func (p *Plugin) RunContext(ctx context.Context) int {
	if p.Getenv("CNI_COMMAND") == "" {
		return p.about()
	}
	r, err := p.execute(ctx)
	if err == nil {
		return 0
	}
	text, jsonErr := json.MarshalIndent(answerTo(err, r.command, r.subject()), "", "    ")
	if jsonErr != nil {
		text = []byte(err.Error())
	}
	if _, err := p.Stdout.Write(append(text, '\n')); err != nil {
		fmt.Fprintf(p.Stderr, "%s\nwrite to standard output: %v\n", text, err)
	}
	return 1
}

// about prints what this program is, for people who run it by hand.
func (p *Plugin) about() int {
	fmt.Fprintf(p.Stderr, `CNI plugin host-local (leasehold) %s
CNI protocol versions supported: %s
It is executed by container runtimes. By hand: CNI_COMMAND=ADD CNI_CONTAINERID=ID host-local < FILE,
where FILE is the configuration of a network.
`, p.Version(), strings.Join(supported(), ", "))
	return 0
}

// execute also returns the request, as far as it could be parsed.
func (p *Plugin) execute(ctx context.Context) (request, error) {
	r, err := parseRequest(p.Getenv)
	if err != nil {
		return r, err
	}
	if r.command == "VERSION" {
		return r, writeVersions(p.Stdout)
	}
	if r.stdin, err = io.ReadAll(p.Stdin); err != nil {
		return r, &answer{codeIO, "error reading from stdin: " + err.Error(), ""}
	}
	if len(bytes.TrimSpace(r.stdin)) == 0 {
		return r, &answer{codeDecoding, "error unmarshall network config: unexpected end of JSON input",
			"standard input is empty; pass the configuration of a network, as in: host-local < FILE"}
	}
	err = p.serve(ctx, r)
	if errors.Is(err, config.ErrDecode) || errors.Is(err, config.ErrInvalid) {
		// In an unsupported version, anything may be valid.
		if v, versionErr := config.Version(r.stdin); versionErr == nil {
			return r, cmp.Or(r.checkVersion(v), err)
		}
	}
	return r, err
}

func (p *Plugin) serve(ctx context.Context, r request) error {
	switch r.command {
	case "ADD":
		return p.add(ctx, r)
	case "DEL":
		return p.del(ctx, r)
	case "CHECK":
		return p.check(ctx, r)
	case "GC":
		return p.gc(ctx, r)
	default:
		return p.status(ctx, r)
	}
}

// checkVersion returns an error if the plugin does not support the CNI version, or if that
// version does not have the command.
func (r request) checkVersion(v string) error {
	if !slices.Contains(supported(), v) {
		return &answer{codeIncompatibleVersion, "incompatible CNI versions",
			fmt.Sprintf("config is %q, plugin supports %q", v, supported())}
	}
	since := "0.1.0"
	switch r.command {
	case "CHECK":
		since = "0.4.0"
	case "GC", "STATUS":
		since = "1.1.0"
	}
	if slices.Index(supported(), v) < slices.Index(supported(), since) {
		return &answer{codeIncompatibleVersion, "config version does not allow " + r.command,
			fmt.Sprintf("cniVersion is %q; %s needs %s or later", v, r.command, since)}
	}
	return nil
}
