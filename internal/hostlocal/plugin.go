package hostlocal

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/containernetworking/cni/pkg/types"
	"github.com/containernetworking/cni/pkg/version"

	"github.com/leasehold/leasehold/internal/config"
)

// A Plugin is what one execution of the plugin is given.
type Plugin struct {
	Getenv func(string) string // the environment
	Stdin  io.Reader           // the network configuration
	Stdout io.Writer           // for the result or the error
	Stderr io.Writer           // for people who run the plugin by hand

	// Version is the version of the program, for people.
	Version string
}

// Versions of the CNI specification that the plugin speaks.
func supported() []string {
	return []string{"0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"}
}

// Run executes the command that the environment names and returns the exit status
// of the process: 0, or 1 if an error was written to standard output.
func (p *Plugin) Run() int {
	if p.Getenv("CNI_COMMAND") == "" {
		return p.about()
	}
	err := p.execute()
	if err == nil {
		return 0
	}
	text, jsonErr := json.MarshalIndent(explain(err), "", "    ")
	if jsonErr != nil {
		text = []byte(err.Error())
	}
	if _, err := p.Stdout.Write(append(text, '\n')); err != nil {
		fmt.Fprintf(p.Stderr, "%s\nwrite to standard output: %v\n", text, err)
	}
	return 1
}

// about says what this program is when it was started by hand.
func (p *Plugin) about() int {
	fmt.Fprintf(p.Stderr, "CNI plugin host-local (leasehold) %s\nCNI protocol versions supported: %s\n",
		p.Version, strings.Join(supported(), ", "))
	return 0
}

func (p *Plugin) execute() error {
	r, err := parseRequest(p.Getenv)
	if err != nil {
		return err
	}
	if r.command == "VERSION" {
		return version.PluginSupports(supported()...).Encode(p.Stdout)
	}
	if r.stdin, err = io.ReadAll(p.Stdin); err != nil {
		return types.NewError(types.ErrIOFailure, "error reading from stdin: "+err.Error(), "")
	}
	if err := checkVersion(r); err != nil {
		return err
	}
	switch r.command {
	case "ADD":
		return p.add(r)
	case "DEL":
		return del(r)
	case "CHECK":
		return check(r)
	case "GC":
		return gc(r)
	default:
		return status(r)
	}
}

// checkVersion makes sure that the plugin speaks the version of the configuration,
// and that the version knows the command.
func checkVersion(r request) error {
	v, err := config.Version(r.stdin)
	if err != nil {
		return err
	}
	if !slices.Contains(supported(), v) {
		return types.NewError(types.ErrIncompatibleCNIVersion, "incompatible CNI versions",
			fmt.Sprintf("config is %q, plugin supports %q", v, supported()))
	}
	since := map[string]string{"CHECK": "0.4.0", "GC": "1.1.0", "STATUS": "1.1.0"}[r.command]
	if ok, err := version.GreaterThanOrEqualTo(v, since); err != nil || !ok {
		return types.NewError(types.ErrIncompatibleCNIVersion, "config version does not allow "+r.command,
			fmt.Sprintf("cniVersion is %q; %s needs %s or later", v, r.command, since))
	}
	return nil
}
