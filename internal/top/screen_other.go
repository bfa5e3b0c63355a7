//go:build !unix

package top

import "github.com/gdamore/tcell/v2"

// NewScreen returns the screen of the process's terminal, for [Run]. It has to be initialized.
func NewScreen() (tcell.Screen, error) { return tcell.NewScreen() }
