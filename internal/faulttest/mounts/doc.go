// Package mounts holds the tests of data directories that are reached in unusual ways.
package mounts
