package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leasehold/leasehold/backend"
	"github.com/leasehold/leasehold/internal/config"
)

func TestAttachments(t *testing.T) {
	for name, tt := range map[string]struct {
		keys string
		want []backend.Owner
	}{
		"some": {
			`"cni.dev/valid-attachments": [{"containerID": "a", "ifname": "eth0"}, {"containerID": "b", "ifname": "net1"}]`,
			[]backend.Owner{{ContainerID: "a", IfName: "eth0"}, {ContainerID: "b", IfName: "net1"}},
		},
		"none":          {`"cni.dev/valid-attachments": []`, nil},
		"null":          {`"cni.dev/valid-attachments": null`, nil},
		"older name":    {`"cni.dev/attachments": [{"containerID": "a", "ifname": "eth0"}]`, []backend.Owner{{ContainerID: "a", IfName: "eth0"}}},
		"older, null":   {`"cni.dev/attachments": null`, nil},
		"in any case":   {`"CNI.dev/Valid-Attachments": [{"containerid": "a", "IfName": "eth0"}]`, []backend.Owner{{ContainerID: "a", IfName: "eth0"}}},
		"no interface":  {`"cni.dev/valid-attachments": [{"containerID": "a"}]`, []backend.Owner{{ContainerID: "a"}}},
		"more keys":     {`"cni.dev/valid-attachments": [{"containerID": "a", "ifname": "eth0", "netns": 5}]`, []backend.Owner{{ContainerID: "a", IfName: "eth0"}}},
		"the new first": {`"cni.dev/attachments": [{"containerID": "a"}], "cni.dev/valid-attachments": [{"containerID": "b"}]`, []backend.Owner{{ContainerID: "b"}}},
	} {
		t.Run(name, func(t *testing.T) {
			n, owners, err := config.ParseAttachments([]byte(`{"name": "net", "ipam": {"ranges": 5, "backend": "bolt"}, ` + tt.keys + `}`))
			require.NoError(t, err)
			require.Equal(t, "net", n.Name)
			require.Equal(t, config.Bolt, n.Backend)
			require.ElementsMatch(t, tt.want, owners)
		})
	}
}

// GC releases everything that is not listed. A list that is missing, or not fully
// understood, must not be taken for a short one.
func TestAttachmentsRejected(t *testing.T) {
	for keys, text := range map[string]string{
		`"x": 1`: "the configuration has no cni.dev/valid-attachments, so GC cannot know which leases are unused",
		`"cni.dev/valid-attachments": [{"containerID": "a"}, {"id": "b"}]`: "cni.dev/valid-attachments[1]: container ID is empty",
		`"cni.dev/valid-attachments": [null]`:                              "cni.dev/valid-attachments[0]: container ID is empty",
		`"cni.dev/attachments": [{"containerID": "a\n"}]`:                  `cni.dev/attachments[0]: container ID "a\n": begins or ends with a space`,
	} {
		_, _, err := config.ParseAttachments([]byte(`{"name": "net", "ipam": {}, ` + keys + `}`))
		rejected(t, err, config.ErrInvalid, text)
	}
	for keys, text := range map[string]string{
		`"cni.dev/valid-attachments": {}`:             "cni.dev/valid-attachments is of JSON type object, want array",
		`"cni.dev/valid-attachments": ["a"]`:          "cni.dev/valid-attachments is of JSON type string, want object",
		`"cni.dev/attachments": [{"containerID": 5}]`: "cni.dev/attachments.containerID is of JSON type number, want string",
	} {
		_, _, err := config.ParseAttachments([]byte(`{"name": "net", "ipam": {}, ` + keys + `}`))
		rejected(t, err, config.ErrDecode, "error unmarshall network config: "+text)
	}
	_, _, err := config.ParseAttachments([]byte(`{"name": "net", "cni.dev/valid-attachments": []}`))
	rejected(t, err, config.ErrInvalid, "IPAM config missing 'ipam' key")
}
