// Package allocator has the names of the stock plugin's package of that name, as its tests
// use them, and behind them this project's packages allocator and config: what the tests
// find out is about those.
//
// The tests are not here. They come from the module of the stock plugins when package
// interop runs them.
package allocator
