// Package realcut cuts the power of real file systems, ext4, xfs and btrfs, while processes of the
// plugin and leasehold use them, and checks that everything acknowledged survived.
//
// The file system is in a file on a loop device. FS_IOC_SHUTDOWN without flushing the log
// shuts it down, as the file system itself does when its disk fails: dirty pages and the
// log in memory never reach the file. Unmounting drops them, and mounting again replays
// the part of the log that was written. btrfs cannot be shut down: its image is on an ext4 that is,
// which loses what btrfs has written and not flushed. Disks that write unsynced data partly or in
// another order are covered by package powercut.
package realcut
