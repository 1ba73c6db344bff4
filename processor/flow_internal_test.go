package processor

import (
	"context"
	"testing"
)

func TestFlowCountsWhatTheOwnLedgerHasToApply(t *testing.T) {
	f := newFlow()
	stopped, stop := context.WithCancel(t.Context())
	stop()
	waits := func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		var behind int64
		for _, n := range f.behind {
			behind += n
		}
		return behind > maxBehind
	}
	f.Add(0, maxBehind+1) // another process's ledger has it
	if waits() {
		t.Error("waits for another ledger")
	}
	f.Own(0)
	f.Add(0, -5) // others' lines
	f.Add(0, maxBehind)
	if waits() {
		t.Error("others' lines count")
	}
	f.wait(t.Context())
	f.Add(0, 1)
	if !waits() {
		t.Error("doesn't wait")
	}
	f.wait(stopped) // ends with its context
	done := make(chan struct{})
	go func() { f.wait(t.Context()); close(done) }()
	f.Add(0, -1)
	<-done
	f.Add(0, maxBehind)
	f.Disown(0)
	f.wait(t.Context())
}
