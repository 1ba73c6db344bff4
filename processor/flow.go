package processor

import (
	"context"
	"sync"
	"time"
)

// Flow control between ingest and the ledger of one process. Without it ingest,
// which has less to do, would put a whole backlog into the log, and what orders
// cause would come behind all of it: receipts would arrive when everything has
// long been out of stock.
const (
	maxBehind    = 40_000          // lines in the log that the ledger has yet to apply
	flowPatience = 2 * time.Second // ingest goes on after it, whatever the ledger does
)

// flow counts the log's lines that this process's ingest has written and its
// ledger has not applied, in the partitions that its ledger owns.
type flow struct {
	mu      sync.Mutex
	behind  map[int32]int64
	applied chan struct{} // closed when lines were applied
}

func newFlow() *flow { return &flow{behind: map[int32]int64{}, applied: make(chan struct{})} }

func (f *flow) own(partition int32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.behind[partition] = 0
}

func (f *flow) disown(partition int32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.behind, partition)
	f.signal()
}

// add counts lines written, or applied if n is negative: then others' lines may
// be among them, and the count stays at 0.
func (f *flow) add(partition int32, n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if behind, ok := f.behind[partition]; ok {
		f.behind[partition] = max(behind+n, 0)
	}
	if n < 0 {
		f.signal()
	}
}

func (f *flow) signal() {
	close(f.applied)
	f.applied = make(chan struct{})
}

// wait returns when the ledger has caught up far enough.
func (f *flow) wait(ctx context.Context) {
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
