// Package disk implements the API of the stock plugin's package of that name with this
// project's stores and locks, so that the stock plugin's tests test these.
//
// The tests are not here. Package interop takes them from the stock plugin's module.
package disk
