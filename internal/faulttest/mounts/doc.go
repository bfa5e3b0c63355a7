// Package mounts tests a data directory that is mounted twice, or is in the lower layer of
// an overlay.
package mounts
