// Package browser looks at the page of leasehold report and leasehold serve in a browser.
//
// It has only tests, and is a separate Go module to keep what drives the browser out of the
// product's dependencies. It needs Debian's chromium, and skips its tests without one:
//
//	go test ./...
//	LEASEHOLD_SCREENSHOTS=/tmp/pages go test -run TestScreenshots ./... # to look at them
//
// The pages are written by the program itself, from stores that the tests fill.
package browser
