package main

import (
	"testing"

	"github.com/leasehold/leasehold/internal/cli/clitest"
)

func TestHelpFits(t *testing.T) { clitest.HelpFits(t, new(tool).command()) }
