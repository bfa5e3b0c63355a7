//go:build linux

// Slow mounts a directory a second time, as a file system whose syncs take longer: each fsync
// and fdatasync, of a file or a directory, waits before it is done. So does a disk without a
// cache that survives a power cut. Several syncs wait at the same time. All other calls pay
// for FUSE: what reads many files is slow without any sync.
//
//	slow DIRECTORY MOUNTPOINT
//
// Each line of its standard input is a delay from then on, which it answers by a line with the
// number of syncs so far; at the end of the input it unmounts. It is a program of its own
// because a process that touches a mapped file of a file system that it serves can wait for itself.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

func main() {
	// Signals to all processes of a terminal do not end it: its input decides.
	signal.Ignore(os.Interrupt, syscall.SIGTERM)
	log.SetFlags(0)
	log.SetPrefix("slow: ")
	if err := serve(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

var delay, syncs atomic.Int64 // delay is in nanoseconds

func serve(dir, mountpoint string) error {
	root, err := fs.NewLoopbackRoot(dir)
	if err != nil {
		return err
	}
	server, err := fs.Mount(mountpoint, &node{root.(*fs.LoopbackNode)}, &fs.Options{
		MountOptions: fuse.MountOptions{FsName: "slow", Name: "slow", DirectMount: true},
	})
	if err != nil {
		return err
	}
	for lines := bufio.NewScanner(os.Stdin); err == nil && lines.Scan(); {
		var d time.Duration
		if d, err = time.ParseDuration(lines.Text()); err == nil {
			delay.Store(int64(d))
			_, err = fmt.Println(syncs.Load())
		}
	}
	return errors.Join(err, server.Unmount())
}

func wait() {
	syncs.Add(1)
	time.Sleep(time.Duration(delay.Load()))
}

// A node is a file or a directory.
type node struct{ *fs.LoopbackNode }

// WrapChild implements [fs.NodeWrapChilder].
func (*node) WrapChild(_ context.Context, child fs.InodeEmbedder) fs.InodeEmbedder {
	return &node{child.(*fs.LoopbackNode)}
}

// Fsync implements [fs.NodeFsyncer].
func (*node) Fsync(ctx context.Context, f fs.FileHandle, flags uint32) syscall.Errno {
	wait()
	return f.(fs.FileFsyncer).Fsync(ctx, flags)
}

// OpendirHandle implements [fs.NodeOpendirHandler].
func (n *node) OpendirHandle(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	h, fuseFlags, errno := n.LoopbackNode.OpendirHandle(ctx, flags)
	if errno != 0 {
		return nil, 0, errno
	}
	return &openDir{h.(dirHandle)}, fuseFlags, 0
}

// A dirHandle is what go-fuse wants of the handle of a directory.
type dirHandle interface {
	fs.FileReaddirenter
	fs.FileFsyncdirer
	fs.FileSeekdirer
	fs.FileReleasedirer
}

// An openDir is a directory with slow syncs.
type openDir struct{ dirHandle }

// Fsyncdir implements [fs.FileFsyncdirer].
func (d *openDir) Fsyncdir(ctx context.Context, flags uint32) syscall.Errno {
	wait()
	return d.dirHandle.Fsyncdir(ctx, flags)
}
