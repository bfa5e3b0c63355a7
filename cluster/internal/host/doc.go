// Package host is what one process does for the networks of this host that are shared with others:
// it joins their spaces, has them confirm what this host holds, gets blocks when the plugin has no
// free address, and gives them back.
//
// [Open] takes a network configuration as the plugin gets it, so both have the same idea of the
// addresses and of the store.
package host
