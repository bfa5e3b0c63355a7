// Package migration tests migrations by the tool while plugins lease and release, and
// migrations that are killed.
package migration
