package declared

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"inv/internal/event"
	"inv/internal/kafka"
	"inv/processor"
	"inv/processor/lines"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kgo"
)

// stateStage applies the log of a topology to the states of its keys. Partition p of the
// log and partition p of the changelog belong together.
type stateStage struct {
	env     processor.Env
	program *Program
	stage   string
	writer  *writer

	keys, bytes, timers, held, late *atomic.Int64

	unreadLetters atomic.Int64 // transactions in a row that could not read the records of their letters
}

// changelogRoom is what the changelog must accept in a batch: the largest state, and the
// longest key that a line can have.
const changelogRoom = MaxState + MaxLine + 1<<10

func newStateStage(env processor.Env, p *Program, name string) (*stateStage, error) {
	if topic := env.Topic(p.Topology.Changelog()); env.MaxBatch(topic) < changelogRoom {
		return nil, fmt.Errorf("topic %s accepts records of %d bytes at most, and must accept %d: raise its max.message.bytes", topic, env.MaxBatch(topic), changelogRoom)
	}
	return &stateStage{
		env: env, program: p, stage: name, writer: newWriter(env, p),
		keys: env.Counter(metricKeys), bytes: env.Counter(metricBytes), timers: env.Counter(metricTimers),
		held: env.Counter(metricHeld), late: env.Counter(metricLate),
	}, nil
}

// Start reads the changelog of a partition, and the lines of the log that wait for their
// time, and checks that the state holds exactly the effects of the log before the
// committed offset.
func (s *stateStage) Start(ctx context.Context, source stage.Source, committed int64) (stage.Partition, int64, error) {
	if _, err := s.env.Notes(ctx, source, committed); err != nil {
		return nil, 0, err // another form of the topology has made the state
	}
	p := &statePartition{stage: s, source: source, machine: s.program.NewMachine(), counts: map[processor.Tally]int64{}}
	p.machine.Now = func() int64 { return s.env.Now().UnixMilli() }
	p.machine.Takes = s.writer.take
	if err := s.restore(ctx, p); err != nil {
		return nil, 0, err
	}
	s.env.Flow.Own(source.Partition)
	p.publish(p.machine.Counts())
	committed, err := s.check(ctx, p, committed)
	if err != nil {
		p.Close()
		return nil, 0, err
	}
	return p, committed, nil
}

// restore makes a partition's state from the changelog and the log.
func (s *stateStage) restore(ctx context.Context, p *statePartition) error {
	m := p.machine
	err := s.env.Restore(ctx, p.source, func(r *kgo.Record) error {
		if err := m.Restore(r.Key, r.Value); err != nil {
			return s.unreadable(fmt.Errorf("%s/%d@%d: %w", r.Topic, r.Partition, r.Offset, err))
		}
		return nil
	})
	if err != nil {
		return err
	}
	from, to, again, err := m.Restored()
	if err != nil {
		return s.unreadable(err)
	}
	if !again {
		return nil
	}
	start, err := s.env.Reader.LogStart(ctx, p.source.Topic, p.source.Partition)
	if err != nil {
		return err
	}
	if start > from {
		return processor.StartOver("%s/%d begins at offset %d, and lines from offset %d on are not applied yet: they are deleted", p.source.Topic, p.source.Partition, start, from)
	}
	return s.env.Reader.Read(ctx, p.source.Topic, p.source.Partition, from, to+1, func(r *kgo.Record) error {
		s.env.Stats.Restored(1)
		return m.Hold(r.Offset, r.Value)
	})
}

// unreadable is the error of a changelog that this program can't go on with.
func (s *stateStage) unreadable(err error) error {
	var version *VersionError
	if errors.As(err, &version) {
		return &processor.ChangedError{
			Topology: s.program.Topology.Name, Group: processor.Group(s.env.App, s.stage),
			Version: version.Version, Committed: version.State,
		}
	}
	return &processor.StartOverError{Err: err}
}

// check compares the state with the committed offset, and returns where to go on.
func (s *stateStage) check(ctx context.Context, p *statePartition, committed int64) (int64, error) {
	applied := p.machine.Applied()
	if !s.env.Exact {
		return committed, nil // the state may be ahead; those lines are applied again
	}
	if committed < 0 {
		if applied >= 0 {
			committed = applied + 1 // the group's offsets expired; the state knows
		}
		return committed, nil
	}
	if err := s.env.CheckApplied(ctx, p.source, applied, committed); err != nil {
		return 0, err
	}
	return committed, s.env.CheckState(ctx, p.source, committed, p.machine.Digest(), p.machine.holding())
}

// statePartition is the keys of one partition of the log.
type statePartition struct {
	stage   *stateStage
	source  stage.Source
	machine *Machine
	shown   Counts // in the metrics

	letters letters
	counts  map[processor.Tally]int64 // of the transaction in progress
	lines   int64
	last    int64 // event time of the transaction's last output; 0: none
}

// Process applies one record of the log.
func (p *statePartition) Process(_ context.Context, tx *stage.Tx, r *kgo.Record) error {
	if applied := p.machine.Applied(); r.Offset <= applied && p.stage.env.Exact {
		return fmt.Errorf("offset %d of %s/%d comes a second time: the state includes %d", r.Offset, r.Topic, r.Partition, applied)
	}
	if format, _ := event.Header(r.Headers, lines.FormatHeader); string(format) != logFormat {
		return processor.StartOver("%s/%d@%d is in the format %.64q, and this program reads %s; use the version that wrote it",
			r.Topic, r.Partition, r.Offset, format, logFormat)
	}
	if err := p.stage.writer.begin(tx); err != nil {
		return err
	}
	p.lines += int64(bytes.Count(r.Value, []byte("\n")))
	p.letters.at = r.Offset
	if err := p.machine.Apply(r.Offset, r.Value, p); err != nil {
		return fmt.Errorf("%s/%d@%d: %w", r.Topic, r.Partition, r.Offset, err)
	}
	return nil
}

// Output implements [Effects].
func (p *statePartition) Output(o *Output) error {
	p.stage.writer.write(o)
	p.last = o.Time
	return nil
}

// Letter implements [Effects]. The original record is looked up when the transaction is
// sealed, with those of all letters.
func (p *statePartition) Letter(l *Letter) error {
	p.letters.add(l)
	return nil
}

// Seal writes the dead letters, and one changelog record for each key that was touched.
func (p *statePartition) Seal(tx *stage.Tx) error {
	if err := p.writeLetters(tx); err != nil {
		return err
	}
	return p.machine.Seal(func(key, value []byte) error {
		return p.stage.env.Log(tx, p.source.Partition, key, value)
	})
}

// Note implements [stage.Noted]: the digest of the changelog, and what is held back by
// time, for which a drain waits.
func (p *statePartition) Note() string {
	held := p.machine.holding()
	note := p.stage.env.Note(p.machine.Digest(), held)
	if lowest, ok := p.machine.held.lowest(); ok {
		note += " " + kafka.HeldField + "=" + strconv.FormatInt(lowest, 10)
	}
	return note
}

// Commit makes the transaction's state the committed one.
func (p *statePartition) Commit() {
	s := p.stage
	p.machine.Commit()
	p.publish(p.machine.Counts())
	if p.last > 0 {
		s.env.Stats.EndToEnd(sinceEvent(s.env.Now(), p.last))
	}
	s.env.Flow.Add(p.source.Partition, -p.lines)
	s.env.Stats.Refused(p.counts)
	s.writer.commit()
	p.reset()
}

// Rollback drops it.
func (p *statePartition) Rollback() {
	p.machine.Rollback()
	p.stage.writer.rollback()
	p.reset()
}

func (p *statePartition) reset() {
	p.letters.reset()
	clear(p.counts)
	p.lines, p.last = 0, 0
}

// publish makes the metrics show what there is.
func (p *statePartition) publish(now Counts) {
	s := p.stage
	s.keys.Add(now.Keys - p.shown.Keys)
	s.bytes.Add(now.Bytes - p.shown.Bytes)
	s.timers.Add(now.Timers - p.shown.Timers)
	s.held.Add(now.Held - p.shown.Held)
	s.late.Add(now.Late - p.shown.Late)
	p.shown = now
}

// Close removes the partition from the gauges.
func (p *statePartition) Close() {
	p.publish(Counts{Late: p.shown.Late})
	p.stage.env.Flow.Disown(p.source.Partition)
}

// holding returns how many lines wait for their time, with what the transaction in
// progress has changed.
func (m *Machine) holding() int64 { return int64(len(m.held.items)) }

// sinceEvent returns how long ago an event time was.
func sinceEvent(now time.Time, ms int64) time.Duration { return now.Sub(time.UnixMilli(ms)) }
