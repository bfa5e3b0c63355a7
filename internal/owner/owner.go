// Package owner gives what root makes in the directory of another user to that user.
//
// Where containers run without root, a data directory and its stores belong to the user who runs the
// plugin. That user could not open a store, a lock or a lease that root has made there.
package owner

// An Owner is the user to whom new files and directories belong. The zero Owner leaves them to whom the
// kernel gives them. It is safe for concurrent use.
type Owner struct{ user, group int }
