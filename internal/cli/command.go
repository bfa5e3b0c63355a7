package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Prepare sets up the root command of a program, whose PersistentPreRunE, if any, was set before: the
// commands man and completion, help that fits 80 columns, and errors that say what is expected. The
// program prints the errors itself.
func Prepare(root *cobra.Command) {
	root.Version = Version()
	root.SetVersionTemplate(root.Name() + " {{.Version}}\n")
	root.SilenceUsage, root.SilenceErrors = true, true
	root.SetUsageFunc(func(c *cobra.Command) error { return writeUsage(c.OutOrStderr(), c) })
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.DisableDefaultCmd = true // replaced by completionCommand
	root.AddCommand(completionCommand(root.Name()), manCommand(root.Name()))
	checks := root.PersistentPreRunE
	root.PersistentPreRunE = func(c *cobra.Command, args []string) error {
		if err := checkValues(c, args); err != nil || checks == nil {
			return err
		}
		return checks(c, args)
	}
}

// checkValues returns an error for an empty value. A shell puts one where a variable is not set; taken for
// a flag that was left out, it would select everything.
func checkValues(c *cobra.Command, args []string) (err error) {
	c.Flags().Visit(func(f *pflag.Flag) {
		empty := f.Value.String() == ""
		if list, ok := f.Value.(pflag.SliceValue); ok {
			empty = slices.Contains(list.GetSlice(), "")
		}
		if empty && err == nil {
			err = fmt.Errorf("--%s is empty: give it a value, or leave it out", f.Name)
		}
	})
	// The word that a shell completes is empty at first.
	if err == nil && c.Name() != cobra.ShellCompRequestCmd && slices.Contains(args, "") {
		err = errors.New("an argument is empty: give it a value, or leave it out")
	}
	return err
}

// Execute runs the subcommand of root that args name. It fails if anything could not be written to out.
func Execute(ctx context.Context, root *cobra.Command, args []string, in io.Reader, out *Output, errs io.Writer) error {
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	return out.failed(root.ExecuteContext(ctx))
}

// Arguments accepts from least to most arguments; any number if most is negative. Its error
// is the command's usage.
func Arguments(least, most int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) < least || most >= 0 && len(args) > most {
			return Usage(c)
		}
		return nil
	}
}

// Usage returns an error with the usage of a command.
func Usage(c *cobra.Command) error { return fmt.Errorf("usage: %s", useLine(c)) }

// useLine returns the command and its arguments, without "[flags]".
func useLine(c *cobra.Command) string { return strings.TrimSuffix(c.UseLine(), " [flags]") }

// flagError refers to --help for an unknown flag.
func flagError(c *cobra.Command, err error) error {
	if unknown := (*pflag.NotExistError)(nil); errors.As(err, &unknown) {
		return fmt.Errorf("%w; to list the flags: %s --help", err, c.CommandPath())
	}
	return err
}

// columns is the default width of a console.
const columns = 80

// writeUsage writes the usage part of a help: cobra's, but wrapped.
func writeUsage(w io.Writer, c *cobra.Command) error {
	var b strings.Builder
	b.WriteString("Usage:\n")
	if c.Runnable() {
		fmt.Fprintf(&b, "  %s\n", c.UseLine())
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s COMMAND\n", c.CommandPath())
	}
	if c.HasExample() {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", c.Example)
	}
	if c.HasAvailableSubCommands() {
		b.WriteString("\nCommands:\n")
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() || sub.Name() == "help" {
				fmt.Fprintf(&b, "  %-*s  %s\n", sub.NamePadding(), sub.Name(), sub.Short)
			}
		}
	}
	if c.HasAvailableLocalFlags() {
		b.WriteString("\nFlags:\n" + c.LocalFlags().FlagUsagesWrapped(columns))
	}
	if c.HasAvailableInheritedFlags() {
		b.WriteString("\nFlags of all commands:\n" + c.InheritedFlags().FlagUsagesWrapped(columns))
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\nMore about a command: %s COMMAND --help\n", c.CommandPath())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func completionCommand(program string) *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Write the completion for a shell",
		Long: `Write a script that completes the commands, flags and networks of
` + program + ` in a shell.
For this session of bash:

  source <(` + program + ` completion bash)

For all sessions, write it to where the shell looks for completions, such as
/usr/local/share/bash-completion/completions/` + program + `.`,
		Args:      Arguments(1, 1),
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(c *cobra.Command, args []string) error {
			root, w := c.Root(), c.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(w, true)
			case "zsh":
				return root.GenZshCompletion(w)
			case "fish":
				return root.GenFishCompletion(w, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(w)
			}
			return Usage(c)
		},
	}
}
