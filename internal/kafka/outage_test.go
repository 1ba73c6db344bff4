package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestOutage(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{fmt.Errorf("unable to dial: %w", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), true},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, true},
		{fmt.Errorf("listing: %w", io.EOF), true},
		{fmt.Errorf("%w at b:1", ErrUnreachable), true},
		{context.DeadlineExceeded, true},
		{context.Canceled, false},
		{kgo.ErrClientClosed, false},
		{kerr.CoordinatorLoadInProgress, true},
		{kerr.NotController, true},
		{kerr.UnknownTopicOrPartition, false},
		{kerr.TopicAuthorizationFailed, false},
		{&PartitionsError{}, false},
		{errors.New("another policy"), false},
	} {
		if got := Outage(c.err); got != c.want {
			t.Errorf("%v: %t, want %t", c.err, got, c.want)
		}
	}
}
