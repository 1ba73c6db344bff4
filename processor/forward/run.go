package forward

import (
	"context"
	"fmt"
	"io"
)

// Run delivers the records of a sink's topics until ctx ends, or until they are drained if
// cfg says so; both are no error. sink is a [Sender] or a [Store]; the caller closes it.
// Once ctx has ended, Run returns within 10 seconds. Several processes, or several Runs
// with sinks of their own, share the partitions.
func Run(ctx context.Context, cfg Config, sink Sink) (Summary, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return Summary{}, err
	}
	return cfg.Stats.Summary(), fmt.Errorf("%w: %T can't be run yet", ErrUsage, sink)
}

// Preview writes to w what would be delivered, from the group's position to the present end
// of the topics, without joining the group or committing. Each message follows a line with
// its place.
func Preview(ctx context.Context, cfg Config, sink Sink, w io.Writer) error {
	if _, err := cfg.withDefaults(); err != nil {
		return err
	}
	return fmt.Errorf("%w: %T can't be shown yet", ErrUsage, sink)
}
