package processor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kadm"
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
	d := drainer{application: a, admin: kadm.NewClient(client)}
	back, written := a.feedback()
	inputs := offsets{}
	for _, stage := range a.stages {
		sources := slices.DeleteFunc(a.layout.topics(stage.Reads), func(topic string) bool { return written[topic] })
		if err := d.ends(ctx, inputs, sources...); err != nil {
			return err
		}
	}
	for {
		looked := offsets{}
		for _, stage := range a.stages {
			ends, err := d.pass(ctx, stage, inputs)
			if err != nil {
				return err
			}
			for topic := range ends {
				if _, seen := looked[topic]; back[topic] && !seen {
					looked[topic] = ends[topic]
				}
			}
		}
		now := offsets{}
		if err := d.ends(ctx, now, slices.Collect(maps.Keys(looked))...); err != nil {
			return err
		}
		if maps.EqualFunc(looked, now, maps.Equal) {
			return nil
		}
	}
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

// offsets are by topic and partition.
type offsets map[string]map[int32]int64

type drainer struct {
	*application
	admin *kadm.Client
}

// pass waits until a stage has processed the inputs up to the given ends, and
// whatever stages have written for it by now. It returns the ends that it waited
// for.
func (d *drainer) pass(ctx context.Context, stage *Stage, inputs offsets) (offsets, error) {
	ends := offsets{}
	if err := d.ends(ctx, ends, d.layout.topics(stage.Reads)...); err != nil {
		return nil, err
	}
	for topic := range ends {
		if given, ok := inputs[topic]; ok {
			ends[topic] = given
		}
	}
	if err := d.passed(ctx, stage, ends); err != nil {
		return nil, err
	}
	if stage.Pending == nil {
		return ends, nil
	}
	for p, end := range ends[d.layout.names[stage.Reads[0]]] {
		if err := d.settled(ctx, stage, p, end); err != nil {
			return nil, err
		}
	}
	return ends, nil
}

// ends adds the ends of all partitions of topics, open transactions included.
func (d *drainer) ends(ctx context.Context, to offsets, topics ...string) error {
	if len(topics) == 0 {
		return nil // none named would be all
	}
	listed, err := d.admin.ListEndOffsets(ctx, topics...)
	if err != nil {
		return err
	}
	for _, topic := range topics {
		to[topic] = map[int32]int64{}
	}
	listed.Each(func(o kadm.ListedOffset) {
		if o.Err != nil {
			err = fmt.Errorf("%s/%d: %w", o.Topic, o.Partition, o.Err)
		}
		to[o.Topic][o.Partition] = o.Offset
	})
	return err
}

// passed waits until a stage has committed all data records before the ends.
func (d *drainer) passed(ctx context.Context, stage *Stage, ends offsets) error {
	for {
		committed, err := d.admin.FetchOffsets(ctx, Group(d.cfg.AppID, stage.Name))
		if err == nil {
			var done bool
			if done, err = d.beyond(ctx, committed, ends); done {
				return nil
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			d.cfg.Log.Debug("fetching the committed offsets", "stage", stage.Name, "error", err)
		}
		if err := sleep(ctx, drainPoll); err != nil {
			return err
		}
	}
}

func (d *drainer) beyond(ctx context.Context, committed kadm.OffsetResponses, ends offsets) (bool, error) {
	for topic, partitions := range ends {
		for p, end := range partitions {
			at := int64(0)
			if o, ok := committed.Lookup(topic, p); ok && o.Err == nil {
				at = max(o.At, 0)
			}
			if at >= end {
				continue
			}
			start, err := d.reader.LogStart(ctx, topic, p)
			if err != nil {
				return false, err
			}
			if at = max(at, start); end-at > fewOffsets {
				return false, nil
			}
			if records, err := d.anyRecord(ctx, topic, p, at, end); records || err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// anyRecord reports whether there is a committed data record in a range.
func (d *drainer) anyRecord(ctx context.Context, topic string, partition int32, from, to int64) (bool, error) {
	found := false
	err := d.reader.Read(ctx, topic, partition, from, to, func(*kgo.Record) error { found = true; return nil })
	return found, err
}

// settled follows one partition of a stage's changelog until nothing is pending
// that came from before an offset of its source.
func (d *drainer) settled(ctx context.Context, stage *Stage, partition int32, end int64) error {
	changelog := d.layout.names[stage.State]
	open := map[string]bool{}
	next := int64(0)
	for {
		high, err := d.reader.HighWatermark(ctx, changelog, partition)
		if err != nil {
			return err
		}
		err = d.reader.Read(ctx, changelog, partition, next, high, func(r *kgo.Record) error {
			if r.Value == nil {
				delete(open, string(r.Key))
				return nil
			}
			offset, err := stage.Pending(r.Value)
			if err == nil && offset < end {
				open[string(r.Key)] = true
			}
			return err
		})
		if err != nil {
			return err
		}
		if next = high; len(open) == 0 {
			return nil
		}
		if err := sleep(ctx, drainPoll); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
