//go:build !unix

package main

import "os"

// hangUp never returns: there, only a write tells that the reader has gone away.
func hangUp(*os.File) { select {} }
