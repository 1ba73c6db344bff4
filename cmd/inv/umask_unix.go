//go:build unix

package main

import "syscall"

// ownFiles lets only the owner read what inv creates: files hold data.
func ownFiles() {
	before := syscall.Umask(0o077)
	syscall.Umask(before | 0o077)
}
