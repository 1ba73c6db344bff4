//go:build !unix

package producer

// noFollow is nothing here: the file that was opened is compared with the one found.
const noFollow = 0
