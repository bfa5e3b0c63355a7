package config

import (
	"encoding/json"

	"github.com/leasehold/leasehold/backend"
)

// ParseAttachments reads the network and the attachments that are still valid, for GC (CNI
// SPEC 1.1, section 2). Everything else will be released, so anything that cannot be
// understood is an error: an overlooked container would lose its address.
func ParseAttachments(stdin []byte) (Network, []backend.Owner, error) {
	n, err := ParseNetwork(stdin)
	if err != nil {
		return Network{}, nil, err
	}
	// The older key is of an early draft of the SPEC. libcni writes both.
	const key, olderKey = "cni.dev/valid-attachments", "cni.dev/attachments"
	var valid, older json.RawMessage
	if err := Decode(stdin, object{{key, &valid}, {olderKey, &older}}); err != nil {
		return Network{}, nil, err
	}
	switch {
	case valid != nil:
		owners, err := owners(key, valid)
		return n, owners, err
	case older == nil:
		return Network{}, nil, invalid("list the attachments that are still valid; to release every address, give an empty list",
			"the configuration has no cni.dev/valid-attachments, so GC cannot know which leases are unused")
	}
	owners, err := owners(olderKey, older)
	return n, owners, err
}

// owners takes null as an empty list, because libcni writes an empty slice as null.
func owners(key string, list json.RawMessage) ([]backend.Owner, error) {
	var raw []struct {
		ContainerID string `json:"containerID"`
		IfName      string `json:"ifname"`
	}
	if err := decodeAt(key, list, &raw); err != nil {
		return nil, err
	}
	owners := make([]backend.Owner, len(raw))
	for i, a := range raw {
		owners[i] = backend.Owner{ContainerID: a.ContainerID, IfName: a.IfName}
		if err := owners[i].Validate(); err != nil {
			return nil, invalid("correct the list of attachments; nothing was released", "%s[%d]: %s", key, i, err)
		}
	}
	return owners, nil
}
