// Package fstype tells file systems apart where what they promise cannot be asked for.
package fstype
