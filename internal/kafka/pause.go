package kafka

import (
	"context"
	"time"
)

// Pause waits for d. If ctx ends before, it returns the cause.
func Pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Doubled returns a pause that was doubled so many times, but is at most the longest one.
func Doubled(pause, longest time.Duration, times int) time.Duration {
	for ; times > 0 && pause < longest; times-- {
		pause = min(2*pause, longest)
	}
	return pause
}
