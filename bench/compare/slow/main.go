//go:build linux

// Slow mounts a directory a second time, as a file system whose syncs take longer: each fsync
// and fdatasync, of a file or a directory, waits before it is done. So does a disk without a
// cache that survives a power cut. Several syncs wait at the same time.
//
//	slow DELAY DIRECTORY MOUNTPOINT
//
// It writes a line when the file system is mounted, and unmounts it when its standard input ends.
// It is a program of its own because a process that touches a mapped file of a file system
// that it serves can wait for itself.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

func main() {
	signal.Ignore(os.Interrupt) // which a terminal sends to all: the end of standard input decides
	log.SetFlags(0)
	log.SetPrefix("slow: ")
	if err := serve(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		log.Fatal(err)
	}
}

func serve(delay, dir, mountpoint string) error {
	d, err := time.ParseDuration(delay)
	if err != nil {
		return err
	}
	root, err := fs.NewLoopbackRoot(dir)
	if err != nil {
		return err
	}
	server, err := fs.Mount(mountpoint, &node{root.(*fs.LoopbackNode), d}, &fs.Options{
		MountOptions: fuse.MountOptions{FsName: "fsync+" + delay, Name: "slow", DirectMount: true},
	})
	if err != nil {
		return err
	}
	fmt.Println("mounted")
	_, _ = io.Copy(io.Discard, os.Stdin) // an error is an end too
	return server.Unmount()
}

// A node is a file or a directory.
type node struct {
	*fs.LoopbackNode
	delay time.Duration
}

// WrapChild implements [fs.NodeWrapChilder].
func (n *node) WrapChild(_ context.Context, child fs.InodeEmbedder) fs.InodeEmbedder {
	return &node{child.(*fs.LoopbackNode), n.delay}
}

// Fsync implements [fs.NodeFsyncer].
func (n *node) Fsync(ctx context.Context, f fs.FileHandle, flags uint32) syscall.Errno {
	time.Sleep(n.delay)
	return f.(fs.FileFsyncer).Fsync(ctx, flags)
}

// OpendirHandle implements [fs.NodeOpendirHandler].
func (n *node) OpendirHandle(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	h, fuseFlags, errno := n.LoopbackNode.OpendirHandle(ctx, flags)
	if errno != 0 {
		return nil, 0, errno
	}
	return &openDir{h.(dirHandle), n.delay}, fuseFlags, 0
}

// A dirHandle is what go-fuse wants of the handle of a directory.
type dirHandle interface {
	fs.FileReaddirenter
	fs.FileFsyncdirer
	fs.FileSeekdirer
	fs.FileReleasedirer
}

// An openDir is a directory with slow syncs.
type openDir struct {
	dirHandle
	delay time.Duration
}

// Fsyncdir implements [fs.FileFsyncdirer].
func (d *openDir) Fsyncdir(ctx context.Context, flags uint32) syscall.Errno {
	time.Sleep(d.delay)
	return d.dirHandle.Fsyncdir(ctx, flags)
}
