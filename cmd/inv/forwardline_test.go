package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"inv/processor/forward"
	"inv/processor/forward/sinks"
)

// A sink says once that it is ready, when it has opened all partitions that it gets.
func TestForwardAnnouncesSinksOnce(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	l := &forwardLine{list: []*sinks.Sink{{Name: "lake"}, {Name: "mail"}}}
	partitions := make([]int64, 2)
	for i, c := range []struct {
		assigned, ready int64
		lines           int
	}{{0, 0, 0}, {3, 3, 0}, {5, 4, 0}, {5, 4, 0}, {5, 5, 1}, {5, 5, 1}, {0, 0, 1}, {6, 6, 1}, {6, 6, 1}} {
		l.announce(log, []forward.Summary{{Assigned: c.assigned, Ready: c.ready}, {}}, partitions)
		if got := strings.Count(out.String(), "msg=ready sink=lake partitions=5\n"); got != c.lines || strings.Contains(out.String(), "mail") {
			t.Fatalf("step %d: %d lines, want %d:\n%s", i, got, c.lines, &out)
		}
	}
}
