package forward

import (
	"context"
	"errors"
	"time"

	"inv/internal/kafka"
)

// Run delivers the records of a sink's topics until ctx ends, or until they are drained if
// cfg says so; both are no error. sink is a [Sender] or a [Store]; the caller closes it.
// Once ctx has ended, Run returns within 10 seconds. Several processes, or several Runs
// with sinks of their own, share the partitions.
//
// Errors that end it are a [StopError] of the sink, a [NoTopicError], a [RecreatedError],
// and what brokers don't permit. Brokers that are out of reach are waited for, once one has
// answered.
func Run(ctx context.Context, cfg Config, sink Sink) (Summary, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return Summary{}, err
	}
	l, err := newLoop(cfg, sink)
	if err != nil {
		return Summary{}, err
	}
	err = l.run(ctx)
	if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		err = nil // stopped before it began
	}
	return cfg.Stats.Summary(), err
}

// prepare creates and looks up topics, and commits where to begin. Brokers that go away
// meanwhile are waited for.
func (l *loop) prepare(ctx context.Context) error {
	client, err := kafka.Connect(ctx, l.cfg.Kafka)
	if err != nil {
		return err
	}
	defer client.Close()
	for told := false; ; told = true {
		if err = l.createTopics(ctx, client); err == nil {
			l.ids = nil
			if err = l.lookUp(ctx, client); err == nil {
				err = l.begin(ctx, client)
			}
		}
		if !kafka.Outage(err) {
			return err
		}
		if !told {
			l.cfg.Log.Warn("waiting for the brokers", "because", err)
		}
		if err := kafka.Pause(ctx, outagePause); err != nil {
			return err
		}
	}
}

func (l *loop) run(ctx context.Context) error {
	if err := l.prepare(ctx); err != nil {
		return err
	}
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	l.hard = hard
	l.reader = l.newReader(hard)
	if err := l.connect(); err != nil {
		return err
	}
	close(l.reader.connected)
	live, end := context.WithCancelCause(ctx)
	defer end(nil)
	l.work.Go(l.reader.poll)
	l.work.Go(func() { l.watch(live) })
	if l.cfg.Drain {
		l.work.Go(func() {
			if err := l.drain(live); err != nil {
				l.post(func() { l.fail(err) })
				return
			}
			end(errDrained)
		})
	}
	err := l.main(live)
	end(nil)
	cancel()
	l.close()
	if err != nil && ctx.Err() == nil {
		return err
	}
	var stop *StopError
	if errors.As(err, &stop) {
		return err
	}
	return nil
}

// close leaves the group and ends what is left. It does not wait for brokers that don't
// answer.
func (l *loop) close() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.client.CloseAllowingRebalance()
		l.work.Wait()
		if l.commits.box != nil {
			l.commits.box.close()
		}
	}()
	t := time.NewTimer(leaveWithin)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}
