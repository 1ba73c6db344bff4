//go:build unix

package producer

import "golang.org/x/sys/unix"

// noFollow lets opening a symbolic link fail.
const noFollow = unix.O_NOFOLLOW
