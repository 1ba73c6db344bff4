//go:build !unix

package broker

import "io"

// lockData keeps nobody out: there is no lock there that a crash gives back.
func lockData(string) (io.Closer, error) { return io.NopCloser(nil), nil }
