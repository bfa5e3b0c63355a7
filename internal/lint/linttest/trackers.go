// Package linttest has wrong configurations from public issue trackers, for the tests of
// everything that should report them.
package linttest

import "strings"

// A Case is a configuration from a request for help in a public tracker.
type Case struct {
	Thread string // repository#number
	File   string // a name for it
	Text   string

	// Wants are texts that must be reported: the key and the value, and what to write
	// instead.
	Wants []string

	// Note reports whether it works anyway.
	Note bool

	// Beside is another configuration of the same node, which conflicts with it.
	Beside string
}

// Name returns the thread as a test name.
func (c Case) Name() string { return strings.NewReplacer("/", "-", "#", "-").Replace(c.Thread) }

// Trackers returns the cases. Irrelevant parts of the configurations are removed, and
// host-local's own input is wrapped in a plugin. containernetworking/cni#52 and #78 and
// projectcalico/cni-plugin#389 describe the mistake without the configuration.
// projectcalico/cni-plugin#254 keeps the part for host-local without calico, which has
// inserted a subnet there since.
func Trackers() []Case {
	return []Case{
		{Thread: "containernetworking/plugins#45", File: "10-examplenet.conf",
			Text:  `{"cniVersion": "0.3.1", "name": "examplenet", "type": "ptp", "ipam": {"type": "host-local", "ranges": [{"subnet": "10.10.10.0/24", "rangeStart": "10.10.10.20", "rangeEnd": "10.10.10.22"}, {"subnet": "20.20.20.0/24", "rangeStart": "20.20.20.20", "rangeEnd": "20.20.20.21"}]}}`,
			Wants: []string{"ipam.ranges", `write "ranges": [[{"subnet":"10.10.10.0/24","rangeStart":"10.10.10.20","rangeEnd":"10.10.10.22"},{"subnet":"20.20.20.0/24"`}},
		{Thread: "containernetworking/cni#391", File: "10-mynet.conf", Note: true,
			Text:  `{"cniVersion": "0.2.0", "name": "mynet", "type": "bridge", "bridge": "cni10", "isGateway": true, "ipam": {"type": "host-local", "subnet": "10.1.0.0/16", "rangeStart": "10.1.0.0", "rangeEnd": "10.1.255.255", "gateway": "10.1.0.1"}}`,
			Wants: []string{`ipam.rangeStart "10.1.0.0"`, "network address", `write "rangeStart": "10.1.0.1"`, `ipam.rangeEnd "10.1.255.255"`, "broadcast address", `write "rangeEnd": "10.1.255.254"`}},
		{Thread: "k8snetworkplumbingwg/multus-cni#1087", File: "nad.yaml",
			Text: "kind: NetworkAttachmentDefinition\nmetadata:\n  name: external-network-0\nspec:\n  config: '" +
				`{"version":"0.3.0","type":"bridge","bridge":"br-net","ipam":{"type":"host-local","subnet":"10.24.0.0/23","rangeStart":"10.24.0.0","rangeEnd":"10.24.1.255","gateway":"10.24.1.254","routes":[{"dst":"0.0.0.0/0"}]},"mtu":1500}` + "'\n",
			Wants: []string{`version "0.3.0"`, `write "cniVersion"`, `ipam.rangeStart "10.24.0.0"`, `write "rangeEnd": "10.24.1.254"`}},
		{Thread: "containernetworking/plugins#233", File: "10-six.conf", Note: true,
			Text:  `{"cniVersion": "0.3.1", "name": "six", "type": "bridge", "ipam": {"type": "host-local", "subnet": "2001:db8:5:333::/64", "gateway": "2001:db8:5::1"}}`,
			Wants: []string{`ipam.gateway "2001:db8:5::1"`, "outside the subnet 2001:db8:5:333::/64", "use a gateway in the subnet"}},
		{Thread: "moby/libnetwork#2566", File: "nad.yaml", Note: true,
			Text: "apiVersion: k8s.cni.cncf.io/v1\nkind: NetworkAttachmentDefinition\nmetadata:\n  name: cms-oam-eth1\n  namespace: cms\nspec:\n  config: '" +
				`{"cniVersion": "0.3.0", "type": "macvlan", "master": "eth0", "mode": "bridge", "ipam": {"type": "host-local", "datastore": "kubernetes", "kubernetes": {"kubeconfig": "/etc/cni/net.d/whereabouts.d/whereabouts.kubeconfig"}, "subnet": "192.169.1.0/24", "rangeStart": "192.169.1.2", "rangeEnd": "192.169.1.240", "gateway": "192.169.1.1", "log_file": "/tmp/whereabouts.log", "log_level": "debug"}}` + "'\n",
			Wants: []string{`ipam.datastore "kubernetes": this is a key of whereabouts`, "ipam.kubernetes {", `ipam.log_file "/tmp/whereabouts.log"`, "leave it out"}},
		{Thread: "cri-o/cri-o#3201", File: "10-crio-bridge.conf",
			Text:   `{"cniVersion": "0.3.1", "name": "crio-bridge", "type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "ipam": {"type": "host-local", "subnet": "10.88.0.0/16"}}`,
			Beside: `{"cniVersion": "0.3.0", "name": "podman", "type": "bridge", "bridge": "cni-podman0", "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.88.0.0/16", "gateway": "10.88.0.1"}]]}}`,
			Wants:  []string{"the range 10.88.0.1-10.88.255.254 overlaps with 10.88.0.1-10.88.255.254 of podman (ipam.ranges[0][0] in beside.conf)", "give each network its own subnet"}},
		{Thread: "containerd/nerdctl#5068", File: "nerdctl-br0.conflist", Note: true,
			Text:  `{"cniVersion": "1.0.0", "name": "br0", "plugins": [{"type": "bridge", "bridge": "br-0f1575ab177c", "isGateway": true, "ipam": {"ranges": [[{"gateway": "172.28.5.254", "ipRange": "172.28.5.0/24", "rangeEnd": "172.28.5.255", "rangeStart": "172.28.5.1", "subnet": "172.28.0.0/16"}]], "type": "host-local"}}]}`,
			Wants: []string{`ipam.ranges[0][0].ipRange "172.28.5.0/24"`, "leave it"}},
		{Thread: "projectcalico/cni-plugin#254", File: "10-any.conf",
			Text:  `{"name": "any_name", "type": "ptp", "ipam": {"type": "host-local", "subnet": "usePodCidr"}}`,
			Wants: []string{"usePodCidr (ipam.subnet)", "write a network like 10.1.2.0/24", "only the calico plugin"}},
		{Thread: "projectcalico/cni-plugin#719", File: "10-calico.conflist",
			Text:  `{"name": "k8s-pod-network", "cniVersion": "0.3.0", "plugins": [{"type": "calico", "ipam": {"type": "host-local", "subnet": "fd00:1::/64", "assign_ipv4": "false", "assign_ipv6": "true"}}]}`,
			Wants: []string{`ipam.assign_ipv4 "false": this is a key of calico-ipam`, `ipam.assign_ipv6 "true"`, "an address of each range set"}},
		{Thread: "rkt/rkt#863", File: "10-containers.conf",
			Text:  `{"name": "containers_ipv4", "type": "ipvlan", "master": "enp0s20u1u1", "ipam": {"type": "host-local", "subnet": "192.168.2.0/24", "gateway": "192.168.2.254", "routes": ["192.168.3.0/24"]}}`,
			Wants: []string{"ipam.routes[0] is of JSON type string", `write a route as {"dst": "10.1.0.0/16"`}},
		{Thread: "containernetworking/cni#78", File: "10-nosubnet.conf",
			Text:  `{"name": "nosubnet", "type": "bridge", "ipam": {"type": "host-local"}}`,
			Wants: []string{"no IP ranges specified", `add "ranges": [[{"subnet": "10.1.2.0/24"}]] to ipam`}},
		{Thread: "k8snetworkplumbingwg/multus-cni#701", File: "nad.yaml",
			Text: "kind: NetworkAttachmentDefinition\nmetadata:\n  name: macvlan-conf\nspec:\n  config: '" +
				`{"cniVersion": "0.3.1", "type": "macvlan", "master": "em2", "mode": "bridge", "name": "macvlan-conf", "ipam": {"type": "host-local", "datadir": "/k8s/test", "ranges": [[{"subnet": "1.1.1.0/24", "rangeStart": "1.1.1.2", "rangeEnd": "1.1.1.3", "gateway": "1.1.1.1"}]], "ranges": [[{"subnet": "2.2.2.0/24", "rangeStart": "2.2.2.2", "rangeEnd": "2.2.2.3", "gateway": "2.2.2.1"}]]}}` + "'\n",
			Wants: []string{"ipam.ranges is repeated, and only the last one counts", "write it once"}},
		{Thread: "k8snetworkplumbingwg/multus-cni#229", File: "10-macvlan.conf",
			Text:  `{"cniVersion": "0.3.0", "name": "macvlan-conf", "type": "macvlan", "master": "ens160", "ipam": {"type": "host-local", "subnet": "10.22.100.0/24", "rangeStart": "10.22.100.36.200", "rangeEnd": "10.22.100.36.216", "gateway": "<gateway>"}}`,
			Wants: []string{"10.22.100.36.200 (ipam.rangeStart)", "write an address like 10.1.2.3"}},
		{Thread: "k8snetworkplumbingwg/multus-cni#373", File: "10-oam.conf",
			Text:  `{"cniVersion": "0.3.1", "name": "ipvlan-nw-oam-ip-necc0", "type": "ipvlan", "master": "eth1", "ipam": {"type": "host-local", "subnet": "135.111.37.0/28", "rangeStart": "135.111.37.1", "rangeEnd": "135.111.37.1"}}`,
			Wants: []string{"ipam: the range 135.111.37.1-135.111.37.1 has only the gateway", `"gateway": "none"`}},
		{Thread: "podman-container-tools/podman#5501", File: "87-podman.conflist",
			Text:  `{"cniVersion": "0.4.0", "name": "podman", "plugins": [{"type": "bridge", "bridge": "cni-podman0", "isGateway": true, "ipMasq": true, "ipam": {"type": "host-local", "routes": [{"dst": "0.0.0.0/0"}], "ranges": [[{"subnet": "192.168.124.0/24", "gateway": "192.168.124.1"}]], "dns": {"nameservers": ["127.0.0.1"]}}}]}`,
			Wants: []string{`ipam.dns {"nameservers":["127.0.0.1"]}`, `write "dns" beside ipam, or "resolvConf"`}},
		{Thread: "containerd/containerd#8514", File: "10-containerd-net.conf",
			Text:  `{"cniVersion": "1.0.0", "name": "cd", "plugins": [{"type": "bridge", "bridge": "cni1", "isGateway": true, "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.10.0.0/16"}]]}}, {"type": "loopback"}]}`,
			Wants: []string{`the plugin has no "type"`, "a list of plugins", ".conflist"}},
		{Thread: "k8snetworkplumbingwg/multus-cni#146", File: "nad.yaml",
			Text: "kind: NetworkAttachmentDefinition\nmetadata:\n  name: flannel-net\nspec:\n  config: |\n" +
				"    {\n      \"cniVersion\": \"0.3.0\",\n      \"type\": \"flannel\",\n      \"delegate\": {\n        \"hairpinMode\": true,\n        \"isDefaultGateway\": true\n      },\n      {\n        \"type\": \"portmap\"\n      }\n    }\n",
			Wants: []string{"invalid character '{' looking for beginning of object key string", "in line 8"}},
		{Thread: "projectcalico/cni-plugin#389", File: "10-calico.conf",
			Text:  "{\n  \"name\": \"k8s-pod-network\",\n  \"type\": \"calico\",\n  \"ipam\": {\"type\": \"host-local\", \"subnet\": \"10.1.2.0/24\"},\n}\n",
			Wants: []string{"invalid character '}' looking for beginning of object key string", "in line 5: remove the comma before it"}},
		{Thread: "k8snetworkplumbingwg/multus-cni#1351", File: "10-vrf.conflist",
			Text:  `{"cniVersion": "0.3.1", "name": "bridge-conf-br0", "plugins": [{"type": "bridge", "bridge": "br0", "ipam": {"type": "host-local", "subnet": "10.9.0.0/24"}}, {"type:": "vrf", "vrfname": "blue"}]}`,
			Wants: []string{`the plugin has no "type"`, `write "type" instead of "type:"`}},
		{Thread: "containernetworking/cni#52", File: "10-untyped.conf",
			Text:  `{"cniVersion": "0.3.1", "name": "untyped", "type": "bridge", "ipam": {"subnet": "10.254.254.0/24"}}`,
			Wants: []string{`ipam {"subnet":"10.254.254.0/24"}: it has no type`, `write "type": "host-local"`}},
	}
}
