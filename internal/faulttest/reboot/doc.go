// Package reboot tests leases across a reboot, and leases of commands that only see another
// boot ID than their host. systemd-nspawn and LXC show another ID, some devices keep the
// same ID after a reboot, and some systems have none.
//
// A simulated reboot mounts another file over the boot ID and starts a time namespace in
// which the machine has just started.
package reboot
