package broker

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

func TestLoggerLeavesOutLateMembers(t *testing.T) {
	var got []string
	l := logger(func(m string) { got = append(got, m) })
	l.Logf(kfake.LogLevelWarn, "consumerSessionTimeout: group=%s member=%s", "g", "m")
	l.Logf(kfake.LogLevelWarn, "OffsetCommit STALE: group=%s", "g")
	l.Logf(kfake.LogLevelInfo, "listening")
	l.Logf(kfake.LogLevelWarn, "partition %s-%d segment %d: truncating %d corrupt bytes", "t", 0, 1, 2)
	l.Logf(kfake.LogLevelError, "persist to disk: %v", "disk full")
	if want := []string{"partition t-0 segment 1: truncating 2 corrupt bytes", "persist to disk: disk full"}; !slices.Equal(got, want) {
		t.Errorf("logged %q, want %q", got, want)
	}
}
