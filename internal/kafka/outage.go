package kafka

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Outage reports whether an error is that of brokers that are out of reach for a while
// or can't answer yet: the same request may succeed later. A topic or partition that
// brokers don't know is none, and neither is a client that was closed or interrupted.
func Outage(err error) bool {
	var code *kerr.Error
	var network net.Error
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, kgo.ErrClientClosed):
		return false
	case errors.As(err, &code):
		return code.Retriable && code != kerr.UnknownTopicOrPartition && code != kerr.UnknownTopicID
	case errors.Is(err, ErrUnreachable), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return true
	}
	return errors.As(err, &network) || kgo.IsRetryableBrokerErr(err)
}
