package declared

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"inv/processor"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kgo"
)

// letters are the dead letters of a transaction of the state stage.
type letters struct {
	list []stateLetter
	at   int64 // log offset of the record that is applied
}

// stateLetter is a letter that owns what it points to.
type stateLetter struct {
	Letter
	at   int64 // log offset at which the step was done
	done bool  // it is written
}

func (l *letters) add(letter *Letter) {
	own := *letter
	own.Key, own.Value = bytes.Clone(letter.Key), bytes.Clone(letter.Value)
	l.list = append(l.list, stateLetter{Letter: own, at: l.at})
}

func (l *letters) reset() {
	clear(l.list)
	l.list = l.list[:0]
}

// Records for letters are read from their topics together if at most so many offsets are
// between them. Reading all of them takes at most so long, since the transaction is open
// meanwhile. If it is not enough, as while brokers restart, the stage starts over so many
// times; then the lines' own copies, which lack the records' keys, take their place.
const (
	letterGap    = 500
	letterWithin = 3 * time.Second
	letterTries  = 3
)

// writeLetters writes the letters of the transaction, one for each record.
func (p *statePartition) writeLetters(tx *stage.Tx) error {
	list := p.letters.list
	if len(list) == 0 {
		return nil
	}
	slices.SortStableFunc(list, func(a, b stateLetter) int {
		x, y := &a.Record, &b.Record
		return cmp.Or(cmp.Compare(x.Topic, y.Topic), cmp.Compare(x.Partition, y.Partition), cmp.Compare(x.Offset, y.Offset))
	})
	list = slices.CompactFunc(list, func(a, b stateLetter) bool { return a.Record == b.Record && a.Record.Topic != "" })
	p.letters.list = list
	ctx, cancel := context.WithTimeout(tx.Context(), letterWithin)
	defer cancel()
	for start := 0; start < len(list); {
		end := start + 1
		for end < len(list) && near(&list[end-1].Record, &list[end].Record) {
			end++
		}
		if list[start].Record.Topic != "" {
			p.originals(ctx, tx, list[start:end])
		}
		start = end
	}
	if err := p.stage.unread(ctx, tx.Context()); err != nil {
		return err
	}
	for i := range list {
		if !list[i].done {
			p.writeLetter(tx, &list[i], p.copyOf(&list[i]))
		}
	}
	return nil
}

// unread returns an error to start over with, if reading the records for letters took too
// long and was not tried often enough.
func (s *stateStage) unread(reading, session context.Context) error {
	if reading.Err() == nil || session.Err() != nil {
		s.unreadLetters.Store(0)
		return nil
	}
	if s.unreadLetters.Add(1) > letterTries {
		return nil
	}
	return stage.Retry(fmt.Errorf("the records of dead letters were not read within %s: %w", letterWithin, reading.Err()))
}

func near(a, b *Origin) bool {
	return a.Topic == b.Topic && a.Partition == b.Partition && b.Offset-a.Offset <= letterGap
}

// originals writes the letters whose records are still there. What can't be read is not an
// error.
func (p *statePartition) originals(ctx context.Context, tx *stage.Tx, run []stateLetter) {
	first := &run[0].Record
	start, err := p.stage.env.Reader.LogStart(ctx, first.Topic, first.Partition)
	if err != nil {
		return
	}
	next := 0
	err = p.stage.env.Reader.Read(ctx, first.Topic, first.Partition, max(start, first.Offset), run[len(run)-1].Record.Offset+1, func(r *kgo.Record) error {
		for next < len(run) && run[next].Record.Offset < r.Offset {
			next++
		}
		if next < len(run) && run[next].Record.Offset == r.Offset {
			p.writeLetter(tx, &run[next], r)
		}
		return nil
	})
	if err != nil {
		p.stage.env.Logger.Debug("reading the records of dead letters", "topic", first.Topic, "partition", first.Partition, "error", err)
	}
}

// copyOf returns the record that stands for one that is gone, or for a step without one:
// that comes from the log.
func (p *statePartition) copyOf(l *stateLetter) *kgo.Record {
	r := &kgo.Record{Topic: l.Record.Topic, Partition: l.Record.Partition, Offset: l.Record.Offset, Timestamp: time.UnixMilli(l.Record.Timestamp), Key: l.Key, Value: l.Value}
	if r.Topic == "" {
		r.Topic, r.Partition, r.Offset, r.Timestamp = p.source.Topic, p.source.Partition, l.at, p.stage.env.Now()
	}
	return r
}

// writeLetter dead-letters a record, and counts it.
func (p *statePartition) writeLetter(tx *stage.Tx, l *stateLetter, r *kgo.Record) {
	env := &p.stage.env
	input := l.Record.Topic
	if input == "" {
		input = env.Topic(p.stage.program.Topology.From[0].Alias)
	}
	to := processor.DeadLetterTopic(input)
	dead := processor.DeadLetter(r, p.stage.stage, string(l.Reason), l.Message, env.MaxBatch(to))
	dead.Topic = to
	tx.Produce(dead)
	l.done = true
	p.counts[processor.Tally{Topic: input, Outcome: processor.DeadLettered, Reason: l.Reason}]++
}
