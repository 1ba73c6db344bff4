package processor

import (
	"context"
	"fmt"
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

// drain waits until what is in the inputs now, and all that it causes, is
// committed. It looks at topics and groups only, so it does not matter which
// instances do the work. What comes in later may make it wait longer, through
// the receipts that it causes.
func (a *application) drain(ctx context.Context) error {
	client, err := kafka.New(a.cfg.Kafka)
	if err != nil {
		return err
	}
	defer client.Close()
	d := drainer{application: a, admin: kadm.NewClient(client)}
	t := &a.topics
	sources := []string{t.catalog, t.orders, t.receipts}
	caused := []string{t.receipts}
	if a.cfg.Policy == PolicyReference {
		sources, caused = append(sources, t.reorders), append(caused, t.reorders)
	}
	if !a.cfg.runs(Inventory) {
		return d.procured(ctx)
	}
	for {
		ends, err := d.ends(ctx, sources...)
		if err != nil {
			return err
		}
		if err := d.passed(ctx, ingestStage, ends); err != nil {
			return err
		}
		logEnds, err := d.ends(ctx, t.log)
		if err != nil {
			return err
		}
		if err := d.passed(ctx, ledgerStage, logEnds); err != nil {
			return err
		}
		if err := d.procured(ctx); err != nil {
			return err
		}
		now, err := d.ends(ctx, caused...)
		if err != nil {
			return err
		}
		if same(ends, now) {
			return nil
		}
		sources = caused
	}
}

// same says whether the partitions of now have the same ends in both.
func same(ends, now map[string]map[int32]int64) bool {
	for topic, partitions := range now {
		for p, end := range partitions {
			if ends[topic][p] != end {
				return false
			}
		}
	}
	return true
}

type drainer struct {
	*application
	admin *kadm.Client
}

// ends are the ends of all partitions of topics, open transactions included.
func (d *drainer) ends(ctx context.Context, topics ...string) (map[string]map[int32]int64, error) {
	listed, err := d.admin.ListEndOffsets(ctx, topics...)
	if err != nil {
		return nil, err
	}
	ends := map[string]map[int32]int64{}
	for _, topic := range topics {
		ends[topic] = map[int32]int64{}
	}
	listed.Each(func(o kadm.ListedOffset) {
		if o.Err != nil {
			err = fmt.Errorf("%s/%d: %w", o.Topic, o.Partition, o.Err)
		}
		ends[o.Topic][o.Partition] = o.Offset
	})
	return ends, err
}

// passed waits until a stage has committed all data records before the ends.
func (d *drainer) passed(ctx context.Context, stage string, ends map[string]map[int32]int64) error {
	for {
		committed, err := d.admin.FetchOffsets(ctx, d.cfg.group(stage))
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
			d.cfg.Log.Debug("asking for the committed offsets", "stage", stage, "error", err)
		}
		if err := sleep(ctx, drainPoll); err != nil {
			return err
		}
	}
}

func (d *drainer) beyond(ctx context.Context, committed kadm.OffsetResponses, ends map[string]map[int32]int64) (bool, error) {
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

// anyRecord says whether there is a committed data record in a range.
func (d *drainer) anyRecord(ctx context.Context, topic string, partition int32, from, to int64) (bool, error) {
	found := false
	err := d.reader.Read(ctx, topic, partition, from, to, func(*kgo.Record) error { found = true; return nil })
	return found, err
}

// procured waits until procurement has answered every reorder that is there now.
func (d *drainer) procured(ctx context.Context) error {
	if !d.cfg.runs(Procurement) {
		return nil
	}
	ends, err := d.ends(ctx, d.topics.reorders)
	if err != nil {
		return err
	}
	if err := d.passed(ctx, procurementStage, ends); err != nil {
		return err
	}
	for p, end := range ends[d.topics.reorders] {
		if err := d.answered(ctx, p, end); err != nil {
			return err
		}
	}
	return nil
}

// answered follows one partition of procurement's changelog until no reorder
// from before an offset is pending.
func (d *drainer) answered(ctx context.Context, partition int32, end int64) error {
	open := map[string]bool{}
	next := int64(0)
	for {
		high, err := d.reader.HighWatermark(ctx, d.topics.procurementChangelog, partition)
		if err != nil {
			return err
		}
		err = d.reader.Read(ctx, d.topics.procurementChangelog, partition, next, high, func(r *kgo.Record) error {
			if r.Value == nil {
				delete(open, string(r.Key))
				return nil
			}
			pending, err := parsePending(r.Value)
			if err == nil && pending.offset < end {
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
