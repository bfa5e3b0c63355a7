// Package storekit helps authors of stores: it has the checks that every [backend.Store]
// must make, with the errors that package backendtest expects and the same messages in all
// stores. Programs that use a store do not need it.
//
// # Stability
//
// Until v1.0 a minor version may change the exported names; the CHANGELOG then lists the
// new ones.
package storekit
