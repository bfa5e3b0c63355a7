// Package reboot tests what becomes of leases when the machine starts again, and when a
// command only sees another boot than its host: with another boot ID, as systemd-nspawn and
// LXC show one, with the same ID after a reboot, as some devices have it, or without any.
//
// A reboot is a mount over the file with the boot ID, and a time namespace in which the
// machine has just started.
package reboot
