//go:build !unix

package main

import "os"

// hangUp never returns: here only a write reports that the reader is gone.
func hangUp(*os.File) { select {} }
