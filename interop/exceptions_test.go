package interop

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// An exception is a row on which the plugins differ on purpose.
type exception struct {
	row
	reason string
}

// gcConf returns the configuration of a GC.
func gcConf(list, keys string) string { return replace(topLevel(list, keys), "1.0.0", "1.1.0") }

// onlyOurs are rows that stock rejects.
func onlyOurs() []exception {
	const (
		small     = "in a subnet this small every address can be leased"
		of2015    = "configurations of 2015 continue to work"
		namespace = "an IPAM plugin does not use the network namespace"
		kubelet   = "keys that a Kubernetes runtime adds are not a mistake of the user"
		release   = "releasing an address needs no ranges, and must not fail because of other errors"
		key       = "a key that stock does not have"
		gateway   = "v1.9.1 accepts it, and a node must not fail when its plugin is replaced"
	)
	own := []earlier{{attachment{"c1", "eth0"}, ""}}
	without := func(names ...string) map[string]string {
		env := map[string]string{}
		for _, name := range names {
			env[name] = ""
		}
		return env
	}
	return []exception{
		{row{name: "IPv4 /31", conf: ipam(`"subnet": "10.1.2.0/31"`)}, small},
		{row{name: "IPv4 /32", conf: ipam(`"subnet": "10.1.2.7/32"`)}, small},
		{row{name: "IPv6 /127", conf: ipam(`"subnet": "fd00::6/127"`)}, small},
		{row{name: "IPv6 /128", conf: ipam(`"ranges": [[{"subnet": "fd00::7/128"}]]`)}, small},
		{row{name: "host bits with range-start", conf: ipam(`"subnet": "10.1.2.7/24", "range-start": "10.1.2.9"`)}, of2015},
		{row{name: "host bits with range-end", conf: ipam(`"subnet": "fd00::7/64", "range-end": "fd00::9"`)}, of2015},

		{row{name: "no CNI_NETNS", conf: ipam(ipv4), env: without("CNI_NETNS")}, namespace},
		{row{name: "no CNI_PATH", conf: ipam(ipv4), env: without("CNI_PATH")}, of2015},
		{row{name: "no CNI_IFNAME", conf: ipam(ipv4), env: without("CNI_IFNAME")}, of2015},
		{row{name: "only what 2015 had", conf: ipam(ipv4), env: without("CNI_NETNS", "CNI_PATH", "CNI_IFNAME")}, of2015},
		{row{name: "DEL, no CNI_PATH", command: "DEL", conf: ipam(ipv4), env: without("CNI_PATH"), earlier: own}, of2015},
		{row{name: "DEL, no CNI_IFNAME", command: "DEL", conf: ipam(ipv4), env: without("CNI_IFNAME"), earlier: own}, of2015},
		{row{name: "CHECK, no CNI_NETNS", command: "CHECK", conf: ipam(ipv4), env: without("CNI_NETNS", "CNI_PATH"), earlier: own}, namespace},
		{row{name: "STATUS, no CNI_PATH", command: "STATUS", conf: withVersion("1.1.0", ipv4), env: without("CNI_PATH")}, of2015},
		{row{name: "network namespace of the plugin", conf: ipam(ipv4), env: map[string]string{"CNI_NETNS": "/proc/self/ns/net"}}, namespace},

		{row{name: "pod in CNI_ARGS", conf: ipam(ipv4), args: "K8S_POD_NAMESPACE=ns;K8S_POD_NAME=pod;K8S_POD_INFRA_CONTAINER_ID=c1;K8S_POD_UID=u"}, kubelet},
		{row{name: "pod and address in CNI_ARGS", conf: ipam(ipv4), args: "K8S_POD_NAMESPACE=ns;K8S_POD_NAME=pod;IP=10.1.2.9"}, kubelet},

		{row{name: "DEL without ranges", command: "DEL", conf: ipam(`"type": "host-local"`)}, release},
		{row{name: "DEL with bad ranges", command: "DEL", conf: ipam(`"subnet": "10.1.2.7/24"`)}, release},
		{row{name: "DEL with ranges of another type", command: "DEL", conf: ipam(`"ranges": "10.1.2.0/24"`)}, release},
		{row{name: "DEL with bad routes", command: "DEL", conf: ipam(ipv4 + `, "routes": [{"dst": "x"}]`)}, release},
		{row{name: "DEL with bad CNI_ARGS", command: "DEL", conf: ipam(ipv4), args: "A"}, release},
		{row{name: "DEL with bad addresses", command: "DEL", conf: topLevel(`"runtimeConfig": {"ips": ["x"]}`, ipv4)}, release},

		{row{name: "gateway elsewhere", conf: ipam(`"subnet": "10.1.2.0/24", "gateway": "10.9.9.9"`)}, gateway},
		{row{name: "gateway of the other family", conf: ipam(`"subnet": "10.1.2.0/24", "gateway": "fe80::1"`)}, gateway},
		{row{name: "gateway of the other family for IPv6", conf: ipam(`"subnet": "fd00::/64", "gateway": "10.1.2.1"`)}, gateway},
		{row{name: "DEL with a gateway elsewhere", command: "DEL", conf: ipam(`"subnet": "10.1.2.0/24", "gateway": "10.9.9.9"`)}, gateway},
		{row{name: "DEL with a start behind the end", command: "DEL", conf: ipam(`"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.255"`)}, release},
		{row{name: "GC without ranges", command: "GC", conf: gcConf(`"cni.dev/valid-attachments": []`, `"type": "host-local"`)}, release},
		{row{name: "GC with bad ranges", command: "GC", conf: gcConf(`"cni.dev/valid-attachments": []`, `"subnet": "10.1.2.7/24"`)}, release},
		{row{name: "GC with a gateway elsewhere", command: "GC", conf: gcConf(`"cni.dev/valid-attachments": []`, `"subnet": "10.1.2.0/24", "gateway": "10.9.9.9"`)}, gateway},

		{row{name: "no gateway", conf: ipam(`"subnet": "10.1.2.0/24", "gateway": "none"`)}, key},
		{row{name: "return the existing lease", conf: ipam(`"subnet": "10.1.2.0/24", "onDuplicate": "return"`), earlier: own}, key},
		{row{name: "its own address again", conf: ipam(`"subnet": "10.1.2.0/24", "onDuplicate": "return"`), args: "IP=10.1.2.2", earlier: own}, key},
	}
}

// onlyStock are rows that our plugin rejects.
func onlyStock() []exception {
	const (
		value  = "an invalid value of our key; stock does not know the key"
		second = "an attachment gets one address of a range set"
		check  = "CHECK compares what prevResult lists; stock is content with any address"
		list   = "a missing or broken list does not say what is in use"
		absent = "stock does nothing for STATUS"
	)
	own := []earlier{{attachment{"c1", "eth0"}, ""}}
	return []exception{
		{row{name: "backend", conf: ipam(ipv4 + `, "backend": "sqlite"`)}, value},
		{row{name: "onDuplicate", conf: ipam(ipv4 + `, "onDuplicate": "refuse"`)}, value},
		{row{name: "onReboot", conf: ipam(ipv4 + `, "onReboot": "delete"`)}, value},
		{row{name: "exhaustedStatus", conf: ipam(ipv4 + `, "exhaustedStatus": true`)}, value},
		{row{name: "lockTimeout", conf: ipam(ipv4 + `, "lockTimeout": "soon"`)}, value},
		{row{name: "exclude", conf: ipam(ipv4 + `, "exclude": ["x"]`)}, value},
		{row{name: "exclude in a range", conf: ipam(`"ranges": [[{"subnet": "10.1.2.0/24", "exclude": ["10.1.2.9-10.1.2.3"]}]]`)}, value},
		{row{name: "invalid range-start", conf: ipam(`"subnet": "10.1.2.0/24", "range-start": "x"`)}, value},
		{row{name: "range-start and rangeStart", conf: ipam(`"subnet": "10.1.2.0/24", "range-start": "10.1.2.9", "rangeStart": "10.1.2.9"`)}, value},

		{row{name: "second address by request", conf: ipam(ipv4), args: "IP=10.1.2.9", earlier: own}, second},

		{row{name: "CHECK, another address", command: "CHECK", earlier: own,
			conf: topLevel(`"prevResult": {"cniVersion": "1.0.0", "ips": [{"address": "10.1.2.3/24"}]}`, ipv4)}, check},
		{row{name: "CHECK, an address of another", command: "CHECK", earlier: append([]earlier{{attachment{"c2", "eth0"}, ""}}, own...),
			conf: topLevel(`"prevResult": {"cniVersion": "1.0.0", "ips": [{"address": "10.1.2.3/24"}, {"address": "10.1.2.2/24"}]}`, ipv4)}, check},
		{row{name: "CHECK, no result", command: "CHECK", earlier: own,
			conf: topLevel(`"prevResult": {"cniVersion": "1.0.0", "ips": [{"address": "x"}]}`, ipv4)}, check},

		{row{name: "GC without a list", command: "GC", conf: withVersion("1.1.0", ipv4), earlier: own}, list},
		{row{name: "GC with an empty attachment", command: "GC", earlier: own, conf: gcConf(`"cni.dev/valid-attachments": [{"containerID": ""}]`, ipv4)}, list},
		{row{name: "GC with a null attachment", command: "GC", earlier: own, conf: gcConf(`"cni.dev/valid-attachments": [null]`, ipv4)}, list},
		{row{name: "GC with a broken list under the older key", command: "GC", earlier: own, conf: gcConf(`"cni.dev/attachments": "x"`, ipv4)}, list},
		{row{name: "STATUS without ranges", command: "STATUS", conf: withVersion("1.1.0", `"type": "host-local"`)}, absent},
		{row{name: "STATUS of a full pool", command: "STATUS", conf: withVersion("1.1.0", `"subnet": "10.1.2.0/30", "exhaustedStatus": "error"`), earlier: own}, absent},
	}
}

// otherResults are rows that both accept with different results.
func otherResults() []exception {
	const (
		key  = "stock does not know the key"
		null = "a null route has no meaning, and CNI does not have one"
	)
	return []exception{
		{row{name: "range-start", conf: ipam(`"subnet": "10.1.2.0/24", "range-start": "10.1.2.9"`)}, key},
		{row{name: "exclude", conf: ipam(`"subnet": "10.1.2.0/24", "exclude": ["10.1.2.2"]`)}, key},
		{row{name: "null route", conf: ipam(ipv4 + `, "routes": [null]`)}, null},
	}
}

// forEachException runs fn for every exception.
func forEachException(t *testing.T, exceptions []exception, fn func(t *testing.T, r row, s subject)) {
	for _, e := range exceptions {
		forEachRow(t, []row{e.row}, func(t *testing.T, r row, s subject) {
			require.NotEmpty(t, e.reason)
			t.Log(e.reason)
			fn(t, r, s)
		})
	}
}

func TestOnlyOursAccepts(t *testing.T) {
	forEachException(t, onlyOurs(), func(t *testing.T, r row, s subject) {
		require.False(t, r.runPeer(t).answer.ok)
		got := r.run(t, s).answer
		require.True(t, got.ok, "%s", got)
	})
}

func TestOnlyStockAccepts(t *testing.T) {
	forEachException(t, onlyStock(), func(t *testing.T, r row, s subject) {
		want := r.runPeer(t).answer
		require.True(t, want.ok, "%s", want)
		r.run(t, s).requireRejected(t, r)
	})
}

func TestOtherResult(t *testing.T) {
	forEachException(t, otherResults(), func(t *testing.T, r row, s subject) {
		want, got := r.runPeer(t).answer, r.run(t, s).answer
		require.True(t, want.ok, "%s", want)
		require.True(t, got.ok, "%s", got)
		require.NotEqual(t, decoded(t, want), decoded(t, got))
	})
}
