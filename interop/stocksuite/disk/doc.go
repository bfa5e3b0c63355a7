// Package disk has the names of the stock plugin's package of that name, as its tests use
// them, and behind them this project's stores and locks: what the tests find out is about
// those.
//
// The tests are not here. They come from the module of the stock plugins when package
// interop runs them.
package disk
