// Package powercut cuts the power, by a model: at each moment of what programs do, it
// makes what a disk can be left as, and sees whether the store is what it has to be.
//
//	report, err := powercut.Run(ctx, programs, powercut.Workloads(config.Bolt), powercut.Options{})
//
// A [Workload] is processes of the plugin and of the tool, one after the other, or one
// process with many goroutines. They are traced: each change of a file or of a name, each
// sync, and each moment at which something was promised goes into a log. Then the log is
// played to a model of a disk and to a list of promises, event by event. After each, the
// model makes images: directories as a power cut can leave them. A checker, which is a
// process of its own because it may crash or hang, opens the store of an image, says what
// it holds, and works with it. What it says is held against the promises.
//
// # The model of a disk
//
// What has been synced is there. Of what has not been, any part may be there and any may
// not, with no order between them:
//
//   - of what is written, each piece of 512 or of 4,096 bytes, by its place in the file,
//     is there as one of the writes to it has left it, or as it was;
//   - the size of a file, each truncation and each time of change are one thing each; a
//     piece that is there makes the file as long as it takes, with zeros before it;
//   - each new name, rename, exchange, link and removal is there as a whole or is not,
//     whether it is of one directory or of two; a sync of either directory keeps it.
//     Those that are there happen in their order, and the name is then that of the
//     file, whatever was in its place;
//   - what is in a directory that has no name is gone.
//
// Journaling file systems keep more. They order names, and most have the name of a new
// file with its first sync. A store that is sound under this model does not rely on it.
//
// # What it does not know
//
// A disk that says it has synced and has not. Mapped files that are written to: the
// recorder refuses to go on where a file is mapped that way. And inode numbers that are
// used again, as the recorder keeps each file there ever was.
package powercut
