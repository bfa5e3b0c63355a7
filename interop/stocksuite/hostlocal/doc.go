// The stock plugin's package main, as its tests call it, where each command is an execution
// of another plugin: what they find out is about that one.
//
// The tests are not here. They come from the module of the stock plugins when package
// interop runs them.
package main
