package declared

import (
	"context"
	"fmt"

	"inv/processor"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kgo"
)

// mapStage is the one stage of a topology without keys.
type mapStage struct {
	*intake
	writer *writer
}

func newMapStage(env processor.Env, p *Program, name string) (*mapStage, error) {
	in, err := newIntake(env, p, name)
	if err != nil {
		return nil, err
	}
	return &mapStage{in, newWriter(env, p)}, nil
}

// Start reads the tables to their ends.
func (s *mapStage) Start(ctx context.Context, source stage.Source, committed int64) (stage.Partition, int64, error) {
	if err := s.tables.refresh(ctx); err != nil {
		return nil, 0, fmt.Errorf("reading the tables: %w", err)
	}
	p := &mapPartition{stage: s, joins: joins{tables: s.tables}, counts: newCounts(source.Topic)}
	p.mapper = s.program.Mapper(&p.joins)
	p.mapper.Takes = s.writer.take
	return p, committed, nil
}

// mapPartition is one source partition.
type mapPartition struct {
	stage  *mapStage
	mapper *Mapper
	joins  joins
	record Record
	last   int64  // event time of the transaction's last output; 0: none
	counts counts // of the transaction in progress
}

// Process maps one record.
func (p *mapPartition) Process(ctx context.Context, tx *stage.Tx, r *kgo.Record) error {
	p.joins.ctx, p.joins.polls = ctx, tx.Polls()
	if err := p.stage.writer.begin(tx); err != nil {
		return err
	}
	outcome, refusal, err := p.decide(ctx, r)
	switch {
	case err != nil:
		return err
	case outcome == Dropped:
		p.counts.skipped++
	case outcome == Refused:
		tx.Produce(p.stage.letter(r, refusal))
		p.counts.refuse(refusal.Reason)
	default:
		p.counts.accepted++
	}
	return nil
}

func (p *mapPartition) decide(ctx context.Context, r *kgo.Record) (Outcome, *Refusal, error) {
	if err := p.stage.record(ctx, &p.record, r); err != nil {
		return undecoded(err)
	}
	return p.mapper.Map(&p.record, p.stage.env.Now().UnixMilli(), p)
}

// Output implements [Effects].
func (p *mapPartition) Output(o *Output) error {
	p.stage.writer.write(o)
	p.last = o.Time
	return nil
}

// Letter implements [Effects]: a Mapper gives none.
func (p *mapPartition) Letter(*Letter) error { return nil }

// Seal adds nothing.
func (p *mapPartition) Seal(*stage.Tx) error { return nil }

// Commit publishes the transaction's counts.
func (p *mapPartition) Commit() {
	if p.last > 0 {
		p.stage.env.Stats.EndToEnd(sinceEvent(p.stage.env.Now(), p.last))
	}
	p.counts.publish(p.stage.env.Stats)
	p.stage.writer.commit()
	p.last = 0
}

// Rollback drops them: the records come again.
func (p *mapPartition) Rollback() {
	p.counts.reset()
	p.stage.writer.rollback()
	p.last = 0
}

// Close has nothing to release.
func (p *mapPartition) Close() {}
