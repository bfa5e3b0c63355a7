package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func manCommand(program string) *cobra.Command {
	return &cobra.Command{
		Use:   "man DIRECTORY",
		Short: "Write the manual pages into a directory",
		Long: `Write the manual pages of ` + program + ` and its commands into a
directory, such as /usr/local/share/man/man1.`,
		Args: Arguments(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			date, err := manDate()
			if err != nil {
				return err
			}
			return writePages(c.Root(), args[0], date)
		},
	}
}

// manDate returns the date of the pages: now, or what a reproducible build sets
// (https://reproducible-builds.org/specs/source-date-epoch/).
func manDate() (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		return time.Now(), nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH %q: want seconds since 1970", text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// writePages writes the page of a command, and of those below it. Package cobra/doc does the same,
// and makes every command wait for its Markdown parser when the program starts.
func writePages(c *cobra.Command, dir string, date time.Time) error {
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			if err := writePages(sub, dir, date); err != nil {
				return err
			}
		}
	}
	f, err := os.Create(filepath.Join(dir, pageName(c)+".1"))
	if err != nil {
		return err
	}
	if err := writePage(f, c, date); err != nil {
		f.Close() // The page is incomplete anyway.
		return err
	}
	return f.Close()
}

func pageName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// writePage writes a page in the macros of man(7).
func writePage(w io.Writer, c *cobra.Command, date time.Time) error {
	c.InitDefaultHelpFlag()
	b := bufio.NewWriter(w) // Flush returns the error of each write.
	p := func(format string, args ...any) { fmt.Fprintf(b, format, args...) }
	program := c.Root().Name()
	p(".nh\n.TH %q 1 %q %q\n", strings.ToUpper(pageName(c)), date.Format("Jan 2006"), program)
	p(".SH NAME\n%s \\- %s\n", roff(pageName(c)), roff(c.Short))
	p(".SH SYNOPSIS\n\\fB%s\\fP\n", roff(c.UseLine()))
	p(".SH DESCRIPTION\n")
	manText(b, c.Long)
	manFlags(b, "OPTIONS", c.NonInheritedFlags())
	manFlags(b, "OPTIONS OF ALL COMMANDS", c.InheritedFlags())
	if c.HasExample() {
		p(".SH EXAMPLES\n.EX\n%s\n.EE\n", roffLines(c.Example))
	}
	var also []string
	if c.HasParent() {
		also = append(also, pageName(c.Parent()))
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			also = append(also, pageName(sub))
		}
	}
	if len(also) > 0 {
		p(".SH SEE ALSO\n")
		for i, name := range also {
			comma := ""
			if i < len(also)-1 {
				comma = " ,"
			}
			p(".BR %s (1)%s\n", roff(name), comma)
		}
	}
	return b.Flush()
}

// manText writes paragraphs. Lines that are indented stay as they are.
func manText(w io.Writer, text string) {
	kept := false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		keep := strings.HasPrefix(line, " ")
		switch {
		case keep && !kept:
			fmt.Fprintln(w, ".EX") // Flush of writePage returns the error, here and below.
		case !keep && kept:
			fmt.Fprintln(w, ".EE")
		}
		kept = keep
		if line == "" {
			fmt.Fprintln(w, ".PP") // as above
		} else {
			fmt.Fprintln(w, roffLines(line)) // as above
		}
	}
	if kept {
		fmt.Fprintln(w, ".EE") // as above
	}
}

func manFlags(w io.Writer, title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	fmt.Fprintf(w, ".SH %s\n", title) // as above
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		name := "\\fB" + roff("--"+f.Name) + "\\fP"
		if f.Shorthand != "" {
			name = "\\fB" + roff("-"+f.Shorthand) + "\\fP, " + name
		}
		if value != "" {
			name += " \\fI" + roff(strings.TrimSuffix(value, "Array")) + "\\fP"
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" && f.DefValue != "0s" {
			usage += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(w, ".TP\n%s\n%s\n", name, roffLines(usage)) // as above
	})
}

// roff escapes a text for a line that does not begin with it.
func roff(text string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
}

// roffLines escapes lines, none of which may be taken for a macro.
func roffLines(text string) string {
	lines := strings.Split(roff(text), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
