package cluster

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"

	"github.com/leasehold/leasehold/backend"
)

// keys makes the keys of one space.
type keys struct{ prefix string }

// keysOf returns the keys of a space below the prefix that the hosts have agreed on.
func keysOf(prefix, space string) keys {
	return keys{strings.TrimSuffix(prefix, "/") + "/1/" + space + "/"}
}

// spaceKey is a key that there is for each space.
func spaceKey(prefix, space string) string {
	return strings.TrimSuffix(prefix, "/") + "/spaces/" + space
}

func (k keys) config() string          { return k.prefix + "config" }
func (k keys) halt() string            { return k.prefix + "halt" }
func (k keys) host(name string) string { return k.prefix + "host/" + name }
func (k keys) hosts() string           { return k.prefix + "host/" }
func (k keys) blocks() string          { return k.prefix + "block/" }

// want is a key that there is for a while after the host found no free block.
func (k keys) want(host string) string { return k.prefix + "want/" + host }

// block is the key of a block. Keys sort as the addresses do.
func (k keys) block(first netip.Addr) string { return k.blocks() + addrText(first) }

// of is a key that there is exactly as long as the host, in that incarnation, holds the block.
func (k keys) of(host string, incarnation backend.Mark, first netip.Addr) string {
	return k.allOf(host, incarnation) + addrText(first)
}

func (k keys) indexes() string { return k.prefix + "of/" }

func (k keys) allOf(host string, incarnation backend.Mark) string {
	return k.indexes() + host + "/" + incarnation.String() + "/"
}

func addrText(addr netip.Addr) string {
	family := "6"
	if addr.Is4() {
		family = "4"
	}
	return family + hex.EncodeToString(addr.AsSlice())
}

// parseAddrText is the inverse of addrText.
func parseAddrText(text string) (netip.Addr, error) {
	if text != "" {
		raw, err := hex.DecodeString(text[1:])
		addr, ok := netip.AddrFromSlice(raw)
		if err == nil && ok && addrText(addr) == text {
			return addr, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("key %q does not end in an address", text)
}

// after is the end of the range of all keys that begin with prefix.
func after(prefix string) string { return prefix[:len(prefix)-1] + string(prefix[len(prefix)-1]+1) }

// ValidateName returns an error unless name can be the name of a space or a host: it becomes a
// part of keys.
func ValidateName(name string) error {
	valid := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_.", r)
	}
	if name == "" || len(name) > 253 || strings.ContainsFunc(name, func(r rune) bool { return !valid(r) }) {
		return fmt.Errorf("name %q: want 1 to 253 letters, digits, hyphens, underscores and dots", name)
	}
	return nil
}
