package config

import (
	"net/netip"
	"slices"

	"github.com/leasehold/leasehold/allocator"
	"github.com/leasehold/leasehold/backend"
)

// A Config is the content of a network configuration and CNI_ARGS.
type Config struct {
	Network

	// Pool has the addresses of the network. It has at least one set.
	Pool allocator.Pool

	// SetKeys are the keys of the sets of Pool, in the same order: "ipam" for the range in
	// ipam itself, otherwise like "ipam.ranges[0]".
	SetKeys []string

	// Requested are the addresses requested for the attachment, without duplicates: first
	// from CNI_ARGS, then from args of the configuration, then from runtimeConfig.
	Requested []netip.Addr

	// Pod is the Kubernetes pod of the container; zero if unknown.
	Pod backend.Pod

	// Routes go into the result unchanged. No element is nil.
	Routes []*Route

	// ResolvConf is the path of a resolv.conf file whose content goes into the result; can
	// be empty.
	ResolvConf string

	// OnDuplicate is what an ADD does for an attachment that has leases.
	OnDuplicate allocator.Duplicate

	// OnReboot is what happens to leases made before the last reboot.
	OnReboot Reboot

	// History says which ended leases are kept. Only bolt can keep any.
	History allocator.History

	// Cooldown says when a released address is leased again. Only bolt can withhold one.
	Cooldown allocator.Cooldown

	// Prefer says which free address is leased. Only bolt can prefer any.
	Prefer allocator.Preference

	// Cluster names the configuration by which this host reaches the other hosts with which it
	// shares the addresses; empty if it shares none. Then the store must be a member of Space.
	Cluster, Space string

	// ExhaustedFails reports whether STATUS fails when no address is left.
	ExhaustedFails bool
}

// A Reboot is a policy for leases made in an earlier boot of the machine.
type Reboot string

// With the zero Reboot it depends on the store: bolt releases such leases; files keeps
// them, as host-local does.
const (
	ReleaseOnReboot Reboot = "release"
	KeepOnReboot    Reboot = "keep"
)

// Releases reports whether such leases are released from a store of the given kind, Files
// or Bolt.
func (r Reboot) Releases(kind string) bool {
	return r == ReleaseOnReboot || r == "" && kind == Bolt
}

// Parse reads the network configuration and CNI_ARGS.
func Parse(stdin []byte, cniArgs string) (*Config, error) {
	raw, err := decodeConfig(stdin)
	if err != nil {
		return nil, err
	}
	n, err := network(stdin, raw.CNIVersion, raw.Name, raw.store())
	if err == nil {
		err = raw.store().check()
	}
	if err != nil {
		return nil, err
	}
	c := &Config{Network: n, ResolvConf: raw.IPAM.ResolvConf}
	if err := c.readRequest(raw, cniArgs); err != nil {
		return nil, err
	}
	if err := c.readPool(raw); err != nil {
		return nil, err
	}
	if c.Routes, err = routes(raw.IPAM.Routes); err != nil {
		return nil, err
	}
	if err := c.readPolicies(raw.IPAM); err != nil {
		return nil, err
	}
	if err := c.readCluster(raw.IPAM); err != nil {
		return nil, err
	}
	return c, nil
}

func decodeConfig(stdin []byte) (*rawConfig, error) {
	raw := new(rawConfig)
	return raw, adviseRanges(stdin, Decode(stdin, raw))
}

// Version returns the CNI version of the configuration, even if the rest of it is invalid.
// The caller decides whether the plugin supports that version.
func Version(stdin []byte) (string, error) {
	var text string
	err := Decode(stdin, object{{"cniVersion", &text}})
	return version(text), err
}

// version returns the default for configurations that predate the key cniVersion.
func version(text string) string {
	if text == "" {
		return "0.1.0"
	}
	return text
}

// readRequest reads what is specific to this attachment.
func (c *Config) readRequest(raw *rawConfig, cniArgs string) error {
	a, err := parseArgs(cniArgs)
	if err != nil {
		return err
	}
	c.Pod = a.pod
	if a.ip.IsValid() {
		c.Requested = append(c.Requested, a.ip)
	}
	if err := c.request("args.cni.ips", raw.ArgsIPs); err != nil {
		return err
	}
	return c.request("runtimeConfig.ips", raw.IPs)
}

func (c *Config) request(key string, texts []string) error {
	for i, text := range texts {
		addr, ok := parseAddrOrCIDR(text)
		if !ok {
			return invalid("write an address like 10.1.2.3, or leave it out",
				"cannot understand ip: invalid IP address %q (%s[%d])", text, key, i)
		}
		// Runtimes pass the same request in several places.
		if !slices.Contains(c.Requested, addr) {
			c.Requested = append(c.Requested, addr)
		}
	}
	return nil
}

func (c *Config) readPool(raw *rawConfig) error {
	sets, err := raw.rangeSets()
	if err != nil {
		return err
	}
	if c.Pool, err = newPool(sets); err != nil {
		return err
	}
	for _, set := range sets {
		c.SetKeys = append(c.SetKeys, set.key)
	}
	return checkFamilies(c.CNIVersion, c.Pool)
}

// checkFamilies returns an error if the pool gives more addresses than a result of the old
// versions can hold: one of each family (CNI SPEC 0.2.0, section "Result").
func checkFamilies(version string, pool allocator.Pool) error {
	if version != "0.1.0" && version != "0.2.0" {
		return nil
	}
	var n4, n6 int
	for _, set := range pool.Sets() {
		if set.Is4() {
			n4++
		} else {
			n6++
		}
	}
	if n4 > 1 || n6 > 1 {
		return invalid(`set "cniVersion" to 0.3.0 or later, or configure one range set per family`,
			"CNI version %v does not support more than 1 address per family", version)
	}
	return nil
}

func (c *Config) readPolicies(raw *rawIPAM) error {
	for _, err := range []error{
		oneOf("ipam.onDuplicate", raw.OnDuplicate, "error", "return"),
		oneOf("ipam.onReboot", raw.OnReboot, string(ReleaseOnReboot), string(KeepOnReboot)),
		oneOf("ipam.exhaustedStatus", raw.ExhaustedStatus, "error", "ok"),
		oneOf("ipam.prefer", raw.Prefer, "pod"),
	} {
		if err != nil {
			return err
		}
	}
	if raw.OnDuplicate == "return" {
		c.OnDuplicate = allocator.ReturnExisting
	}
	var err error
	if c.History, err = parseHistory(raw.History); err != nil {
		return err
	}
	if c.Cooldown, err = raw.cooldown(); err != nil {
		return err
	}
	if raw.Prefer == "pod" {
		if c.Prefer = allocator.PreferPod; c.History.Keep == 0 {
			return invalid(`leave out "history", or "prefer"`, "ipam.prefer: it needs ipam.history, which is off")
		}
	}
	c.OnReboot = Reboot(raw.OnReboot)
	c.ExhaustedFails = raw.ExhaustedStatus == "error"
	return nil
}
