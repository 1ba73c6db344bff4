//go:build unix

package main

import (
	"context"
	"os"

	"golang.org/x/sys/unix"
)

// watchReader ends the context when the reader of stdout has gone, with
// errOutputClosed as its cause: a following command would otherwise notice it
// only at the next record, which may never come.
func watchReader(ctx context.Context, s *streams) (context.Context, func()) {
	p, ok := s.out.(pipe)
	if !ok {
		return ctx, func() {}
	}
	file, ok := p.Writer.(*os.File)
	if !ok || s.outTerminal {
		return ctx, func() {}
	}
	info, err := file.Stat()
	if err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		fds := []unix.PollFd{{Fd: int32(file.Fd())}} // no events asked for: errors are always told
		for ctx.Err() == nil {
			n, err := unix.Poll(fds, 250)
			if err == nil && n > 0 && fds[0].Revents&(unix.POLLERR|unix.POLLHUP|unix.POLLNVAL) != 0 {
				cancel(errOutputClosed)
				return
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}
