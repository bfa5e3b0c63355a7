// Package powercut simulates power cuts. After each operation of a program it builds the
// states in which a power cut can leave the disk, and checks the store in each of them.
//
//	report, err := powercut.Run(ctx, programs, powercut.Workloads(config.Bolt), powercut.Options{})
//
// A [Workload] is a series of processes of the plugin and leasehold, or one process with
// many goroutines. A tracer records each change of a file or a name, each sync, and each
// answer, which is a promise. This history is then played to a model of a disk and to a
// list of promises, event by event. After each event the model builds images: directories
// as a power cut can leave them. A checker opens the store of an image, returns what it
// holds, and uses it; the checker is a process of its own, because it may crash or hang.
// What the store holds is compared with the promises.
//
// # The model of a disk
//
// Synced changes survive. Each unsynced change survives or not, in any combination:
//
//   - Each aligned piece of 512 or 4,096 bytes of a write survives on its own: the piece is
//     as one of the writes left it, or as before.
//   - The size of a file, each truncation and each modification time survive on their own.
//     A surviving piece extends the file as needed, with zeros before it.
//   - Each new name, rename, exchange, link and removal survives as a whole or not at all,
//     also if it affects two directories; a sync of either directory keeps it. Surviving
//     changes are applied in order, so the later one wins.
//   - Files in a directory whose name is lost are lost.
//
// Journaling file systems keep more: they order changes of names, and most keep the name
// of a new file with its first sync. A store that passes under this model does not rely on
// that.
//
// # Limits of the model
//
// The model does not cover disks that report a sync without doing it; writes through a
// mapping (the recorder fails on a shared writable mapping); and reuse of inode numbers,
// because the recorder keeps every file.
package powercut
