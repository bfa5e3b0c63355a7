package config

import (
	"net/netip"
	"strings"

	"github.com/leasehold/leasehold/backend"
)

// args is the content of CNI_ARGS.
type args struct {
	ip  netip.Addr // the requested address; zero if none
	pod backend.Pod

	ignoreUnknown bool
	unknown       []string
}

// parseArgs reads the form "K=V;K2=V2".
//
// The keys that Kubernetes runtimes add are always accepted, even without IgnoreUnknown,
// because the user does not write them.
func parseArgs(text string) (args, error) {
	var a args
	if text == "" {
		return a, nil
	}
	for _, pair := range strings.Split(text, ";") {
		if err := a.read(pair); err != nil {
			return args{}, err
		}
	}
	if len(a.unknown) > 0 && !a.ignoreUnknown {
		return args{}, invalidArgs("correct CNI_ARGS, or add IgnoreUnknown=1 to it", "ARGS: unknown args %q", a.unknown)
	}
	if !recordable(a.pod) {
		// The pod is only for display, and an ADD must not fail because of it.
		a.pod = backend.Pod{}
	}
	return a, nil
}

func (a *args) read(pair string) error {
	key, value, ok := strings.Cut(pair, "=")
	if !ok || strings.Contains(value, "=") {
		return invalidArgs(`write CNI_ARGS as "KEY=value;KEY=value"`, "ARGS: invalid pair %q", pair)
	}
	switch key {
	case "IP":
		return a.readIP(pair, value)
	case "IgnoreUnknown":
		return a.readIgnoreUnknown(pair, value)
	case "K8S_POD_NAMESPACE":
		a.pod.Namespace = value
	case "K8S_POD_NAME":
		a.pod.Name = value
	case "K8S_POD_UID", "K8S_POD_INFRA_CONTAINER_ID":
	default:
		a.unknown = append(a.unknown, pair)
	}
	return nil
}

func (a *args) readIP(pair, value string) error {
	addr, ok := parseAddrOrCIDR(value)
	if !ok && value != "" {
		return invalidArgs("write an address, or leave IP out of CNI_ARGS",
			"ARGS: error parsing value of pair %q: invalid IP address %s", pair, value)
	}
	a.ip = addr
	return nil
}

func (a *args) readIgnoreUnknown(pair, value string) error {
	switch strings.ToLower(value) {
	case "1", "true":
		a.ignoreUnknown = true
	case "0", "false":
		a.ignoreUnknown = false
	default:
		return invalidArgs("use one of: 1, true, 0, false",
			"ARGS: error parsing value of pair %q: boolean unmarshal error: invalid input %s", pair, value)
	}
	return nil
}

// recordable reports whether a lease can record p.
func recordable(p backend.Pod) bool {
	l := backend.Lease{Addr: netip.IPv4Unspecified(), Owner: backend.Owner{ContainerID: "any"}, Pod: p}
	return l.Validate() == nil
}
