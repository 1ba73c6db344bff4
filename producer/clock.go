package producer

import (
	"context"
	"time"
)

// Clock is a run's source of time.
type Clock interface {
	Now() time.Time
	// Sleep waits until a time, until ctx ends, or until it receives from wake.
	Sleep(ctx context.Context, until time.Time, wake <-chan struct{})
}

// WallClock is the time of day. Its zero value is ready.
type WallClock struct{}

// Now returns the current time.
func (WallClock) Now() time.Time { return time.Now() }

// Sleep waits until a time, until ctx ends, or until it receives from wake.
func (WallClock) Sleep(ctx context.Context, until time.Time, wake <-chan struct{}) {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-wake:
	}
}
