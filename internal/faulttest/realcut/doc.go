// Package realcut cuts the power of real file systems, ext4 and xfs, while processes of the
// plugin and the tool are at work on them, and looks for what was acknowledged.
//
// The file system is in a file. It is shut down as it does itself when its disk fails
// (FS_IOC_SHUTDOWN without flushing the log), so that nothing more reaches the file: not what
// is dirty in the page cache, and not what is in the log in memory. Then it is unmounted,
// which drops that, and mounted again, which replays what of the log was written. What
// a disk may do besides, to write what was not synced in another order or in part,
// is for package powercut.
package realcut
