package lint

import "strings"

// foreign returns the plugin that a key belongs to, and what to write instead. The advice
// is empty if the key can just be removed, because it only affects how that plugin works;
// keys that request addresses or other effects in the container have advice, because
// host-local does not obey them.
//
// The keys come from whereabouts v0.9 (doc/extended-configuration.md), calico v3 (its
// reference of the CNI plugins), and containernetworking/plugins v1.9 (static, dhcp, bridge,
// macvlan).
func foreign(key string) (plugin, advice string, ok bool) {
	switch strings.ToLower(key) {
	case "range":
		return "whereabouts", `write "subnet", and "rangeStart" and "rangeEnd" for less than all of it`, true
	case "ipranges":
		return "whereabouts", `write "ranges": [[{"subnet": "10.1.2.0/24"}]]`, true
	case "omit_ranges", "reserved", "reservations":
		return "another plugin", `write "exclude": ["10.1.2.3"]`, true
	case "ipam_type", "datastore", "kubernetes", "etcd_host", "etcd_username", "etcd_password", "etcd_key_file",
		"etcd_cert_file", "etcd_ca_cert_file", "log_file", "log_level", "configuration_path", "enable_overlapping_ranges",
		"overlapping_ranges", "network_name", "sleep_for_race", "leader_lease_duration", "leader_renew_deadline",
		"leader_retry_period", "node_slice_size", "reconciler_cron_expression":
		return "whereabouts", "", true
	case "assign_ipv4", "assign_ipv6":
		return "calico-ipam", "leave it out: an attachment gets an address of each range set", true
	case "ipv4_pools", "ipv6_pools":
		return "calico-ipam", `write "ranges": [[{"subnet": "10.1.2.0/24"}]]`, true
	case "addresses":
		return "static", `write "type": "static", or ask for an address by CNI_ARGS (IP=), args.cni.ips or the capability ips`, true
	case "dns", "nameservers":
		return "static", `write "dns" beside ipam, or "resolvConf" with the path of a file in ipam`, true
	case "daemonsocketpath", "request", "provide":
		return "dhcp", "", true
	case "isgateway", "isdefaultgateway", "ipmasq", "ipmasqbackend", "hairpinmode", "promiscmode", "bridge", "vlan",
		"vlantrunk", "master", "mode", "mtu", "linkincontainer", "capabilities", "forceaddress":
		return "the plugin that calls host-local", "write it beside ipam", true
	}
	return "", "", false
}
