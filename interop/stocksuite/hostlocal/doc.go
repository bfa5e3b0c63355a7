// Package main implements the functions of the stock plugin's package main that its tests
// call. Each command executes another plugin, so that the tests test that one.
//
// The tests are not here. Package interop takes them from the stock plugin's module.
package main
