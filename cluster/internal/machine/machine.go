// Package machine tells this machine from a copy of it.
package machine

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
)

// The sources of a fingerprint. The first is made when a system is installed or first booted, the second
// by the firmware or the hypervisor; some machines have none, or share it with others.
const (
	machineID   = "/etc/machine-id"
	productUUID = "/sys/class/dmi/id/product_uuid"
)

// Fingerprint returns a text that a copy of this machine's disk on another machine does not have,
// as far as the system tells them apart. It is a hash, because machine-id(5) asks that the ID itself
// does not leave the machine.
func Fingerprint() (string, error) { return fingerprint(machineID, productUUID) }

func fingerprint(idPath, uuidPath string) (string, error) {
	id, err := os.ReadFile(idPath)
	if err != nil || strings.TrimSpace(string(id)) == "" {
		return "", errors.Join(fmt.Errorf("%s does not identify this machine; run: systemd-machine-id-setup", idPath), err)
	}
	uuid, err := os.ReadFile(uuidPath)
	if err != nil {
		uuid = nil // Machines without DMI have none; in a user namespace it cannot be read.
	}
	sum := sha256.Sum256([]byte("leasehold\n" + strings.TrimSpace(string(id)) + "\n" + strings.TrimSpace(string(uuid))))
	return hex.EncodeToString(sum[:16]), nil
}

// Address returns an address of this machine, for people; empty if there is none.
func Address() string {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return "" // It is only shown.
	}
	for _, a := range all {
		p, err := netip.ParsePrefix(a.String())
		if err == nil && p.Addr().IsGlobalUnicast() {
			return p.Addr().String()
		}
	}
	return ""
}
