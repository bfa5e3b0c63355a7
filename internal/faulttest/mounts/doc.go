// Package mounts tests a data directory that is mounted twice.
package mounts
