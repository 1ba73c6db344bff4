package producer

import (
	"context"
	"time"
)

// Clock is the time that a run goes by.
type Clock interface {
	Now() time.Time
	// Sleep waits until then, or until ctx ends, or wake gets something.
	Sleep(ctx context.Context, until time.Time, wake <-chan struct{})
}

// WallClock is the time of day. Its zero value is ready.
type WallClock struct{}

// Now returns the time.
func (WallClock) Now() time.Time { return time.Now() }

// Sleep waits until then, or until ctx ends, or wake gets something.
func (WallClock) Sleep(ctx context.Context, until time.Time, wake <-chan struct{}) {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-wake:
	}
}
