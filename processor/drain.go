package processor

import (
	"context"
	"maps"
	"slices"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kgo"
)

// drainPoll is how often a drain looks at the committed offsets.
const drainPoll = 50 * time.Millisecond

// fewOffsets is how far behind a group may be for its remaining offsets to be
// read, to see whether there is a record among them.
const fewOffsets = 200

// drain waits until the backlog of now, and everything that it causes, is
// committed. It looks at topics and groups only, so it does not matter which
// instances do the work.
//
// Inputs count up to the ends that they have now. Stages are waited for in their
// order, so that each has what the ones before it wrote. A topic that feeds back
// to an earlier stage sends the drain around once more if it has grown since;
// records that come in later can prolong it in that way.
func (a *application) drain(ctx context.Context) error {
	client, err := kafka.New(a.cfg.Kafka)
	if err != nil {
		return err
	}
	defer client.Close()
	d := drainer{application: a, client: client, counter: kafka.NewLagCounter(client, 1, fewOffsets)}
	back, written := a.feedback()
	var sources []string
	for _, stage := range a.stages {
		sources = append(sources, a.layout.topics(stage.Reads)...)
	}
	inputs, err := d.ends(ctx, slices.DeleteFunc(sources, func(topic string) bool { return written[topic] })...)
	if err != nil {
		return err
	}
	for {
		looked := map[fetch.ID]int64{}
		for _, stage := range a.stages {
			ends, err := d.pass(ctx, stage, inputs)
			if err != nil {
				return err
			}
			for id, end := range ends {
				if _, seen := looked[id]; back[id.Topic] && !seen {
					looked[id] = end
				}
			}
		}
		now, err := d.ends(ctx, slices.Collect(maps.Keys(back))...)
		if err != nil {
			return err
		}
		if maps.Equal(looked, now) {
			return nil
		}
	}
}

// finish waits until what was decided into logs is applied, or held back. With it, this
// process leaves nothing that it has decided while the drain waited to the next one.
func (a *application) finish(ctx context.Context) error {
	client, err := kafka.New(a.cfg.Kafka)
	if err != nil {
		return err
	}
	defer client.Close()
	d := drainer{application: a, client: client, counter: kafka.NewLagCounter(client, 1, fewOffsets)}
	logs := map[string]bool{}
	for _, stage := range a.stages {
		logs[stage.Log] = stage.Log != ""
	}
	for _, stage := range a.stages {
		if !logs[stage.Reads[0]] {
			continue
		}
		ends, err := d.ends(ctx, d.layout.topics(stage.Reads)...)
		if err != nil {
			return err
		}
		if err := d.passed(ctx, stage, ends, false); err != nil {
			return err
		}
	}
	return nil
}

// feedback returns the topics that a stage writes and an earlier one, or itself,
// reads, and all that stages write.
func (a *application) feedback() (back, written map[string]bool) {
	back, written = map[string]bool{}, map[string]bool{}
	for i, stage := range a.stages {
		for _, topic := range a.layout.topics(stage.outputs()) {
			written[topic] = true
			for _, reader := range a.stages[:i+1] {
				if slices.Contains(a.layout.topics(reader.Reads), topic) {
					back[topic] = true
				}
			}
		}
	}
	return back, written
}

type drainer struct {
	*application
	client  *kgo.Client
	counter *kafka.LagCounter
}

// ends returns the high watermarks of topics. It waits for brokers that are out of
// reach.
func (d *drainer) ends(ctx context.Context, topics ...string) (map[fetch.ID]int64, error) {
	for {
		ends, err := kafka.Ends(ctx, d.client, topics...)
		if !kafka.Outage(err) {
			return ends, err
		}
		if err := kafka.Pause(ctx, drainPoll); err != nil {
			return nil, err
		}
	}
}

// pass waits until a stage has processed the inputs up to the given ends, and
// whatever stages have written for it by now. It returns the ends that it waited
// for.
func (d *drainer) pass(ctx context.Context, stage *Stage, inputs map[fetch.ID]int64) (map[fetch.ID]int64, error) {
	ends, err := d.ends(ctx, d.layout.topics(stage.Reads)...)
	if err != nil {
		return nil, err
	}
	for id := range ends {
		if given, ok := inputs[id]; ok {
			ends[id] = given
		}
	}
	if err := d.passed(ctx, stage, ends, true); err != nil {
		return nil, err
	}
	if stage.Pending == nil {
		return ends, nil
	}
	for id, end := range ends {
		if err := d.settled(ctx, stage, id.Partition, end); err != nil {
			return nil, err
		}
	}
	return ends, nil
}

// passed waits until a stage has committed all data records before the ends and, if
// settled is set, holds none of them back.
func (d *drainer) passed(ctx context.Context, stage *Stage, ends map[fetch.ID]int64, settled bool) error {
	w, p := d.waits(stage), &progress{}
	for {
		unread, err := d.counter.Unread(ctx, Group(d.cfg.AppID, stage.Name), ends)
		if !settled {
			unread = slices.DeleteFunc(unread, func(s kafka.Span) bool { return s.From == s.To })
		}
		if err == nil && len(unread) == 0 {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			d.cfg.Log.Debug("looking for unread records", "stage", stage.Name, "error", err)
			w.say(func() string { return "the brokers: " + err.Error() })
		} else {
			w.say(func() string { return d.unreadReason(ctx, d.client, stage, ends, unread, p) })
		}
		if err := kafka.Pause(ctx, drainPoll); err != nil {
			return err
		}
	}
}

// settled follows one partition of a stage's changelog until nothing is pending
// that came from before an offset of its source.
func (d *drainer) settled(ctx context.Context, stage *Stage, partition int32, end int64) error {
	changelog, w := d.layout.names[stage.State], d.waits(stage)
	due := map[string]time.Time{} // of what is pending, by key
	next := int64(0)
	for {
		high, err := d.stable(ctx, stage, partition, w)
		if err != nil {
			return err
		}
		err = d.reader.Read(ctx, changelog, partition, next, high, func(r *kgo.Record) error {
			if r.Value == nil {
				delete(due, string(r.Key))
				return nil
			}
			offset, at, err := stage.Pending(r.Value)
			if err == nil && offset < end {
				due[string(r.Key)] = at
			}
			return err
		})
		if err != nil {
			return err
		}
		if next = high; len(due) == 0 {
			return nil
		}
		w.say(func() string { return pendingReason(stage, d.layout.names[stage.Reads[0]], partition, due) })
		if err := kafka.Pause(ctx, drainPoll); err != nil {
			return err
		}
	}
}

// stable waits until all that is in a partition of a stage's changelog now can be read,
// and returns its end.
func (d *drainer) stable(ctx context.Context, stage *Stage, partition int32, w *waits) (end int64, err error) {
	changelog := d.layout.names[stage.State]
	if end, err = d.reader.HighWatermark(ctx, changelog, partition); err != nil {
		return 0, err
	}
	for {
		stable, err := d.reader.StableEnd(ctx, changelog, partition)
		if err != nil || stable >= end {
			return end, err
		}
		w.say(func() string { return d.openReason(ctx, d.client, stage, nil) })
		if err := kafka.Pause(ctx, drainPoll); err != nil {
			return 0, err
		}
	}
}
