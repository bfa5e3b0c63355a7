// Empty does nothing. Running it costs what running any Go program costs.
package main

func main() {}
