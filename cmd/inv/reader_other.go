//go:build !unix

package main

import "context"

// watchReader does nothing here: a closed pipe is noticed at the next write.
func watchReader(ctx context.Context, _ *streams) (context.Context, func()) {
	return ctx, func() {}
}
