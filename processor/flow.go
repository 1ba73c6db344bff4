package processor

import (
	"context"
	"sync"
	"time"
)

// Flow control between the writer and the reader of a log in one process. Without
// it the writer, which has less to do, would put a whole backlog into the log, and
// records that the reader's outputs cause would come behind all of it: receipts
// would arrive when everything has long been out of stock.
const (
	maxBehind    = 40_000          // lines in the log that the reader has yet to apply
	flowPatience = 2 * time.Second // the writer then goes on, whatever the reader does
)

// Flow counts the lines of a log that this process has written and not yet
// applied, in the partitions that its reader owns. It is safe for concurrent use.
type Flow struct {
	mu      sync.Mutex
	behind  map[int32]int64
	applied chan struct{} // closed when lines were applied
}

func newFlow() *Flow { return &Flow{behind: map[int32]int64{}, applied: make(chan struct{})} }

// Own starts counting a partition, when the reader is assigned it.
func (f *Flow) Own(partition int32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.behind[partition] = 0
}

// Disown stops counting a partition.
func (f *Flow) Disown(partition int32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.behind, partition)
	f.signal()
}

// Add counts n lines as written, or as applied if n is negative. Lines that
// another process wrote may be among those applied, so the count stops at 0.
func (f *Flow) Add(partition int32, n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if behind, ok := f.behind[partition]; ok {
		f.behind[partition] = max(behind+n, 0)
	}
	if n < 0 {
		f.signal()
	}
}

func (f *Flow) signal() {
	close(f.applied)
	f.applied = make(chan struct{})
}

// wait returns when the reader has caught up far enough, or lost patience.
func (f *Flow) wait(ctx context.Context) {
	patience := time.NewTimer(flowPatience)
	defer patience.Stop()
	for {
		f.mu.Lock()
		var behind int64
		for _, n := range f.behind {
			behind += n
		}
		applied := f.applied
		f.mu.Unlock()
		if behind <= maxBehind {
			return
		}
		select {
		case <-applied:
		case <-patience.C:
			return
		case <-ctx.Done():
			return
		}
	}
}
