//go:build unix

package main

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// hangUp returns once the reader of a pipe is gone, before a write would fail. It
// never returns for other files.
func hangUp(f *os.File) {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		select {}
	}
	for {
		fds := []unix.PollFd{{Fd: int32(f.Fd())}}
		_, err := unix.Poll(fds, -1)
		if err == nil && fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0 {
			return
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			select {}
		}
	}
}
