package forward

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"inv/internal/kafka"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Preview writes to w what would be delivered, from the group's position to the present end
// of the topics, without joining the group or committing. Each message follows a line with
// its place, as "# TOPIC/PARTITION@OFFSET", and a record that would become a dead letter is
// such a line with the reason. It creates no topics.
func Preview(ctx context.Context, cfg Config, sink Sink, w io.Writer) error {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return err
	}
	l, err := newLoop(cfg, sink)
	if err != nil {
		return err
	}
	client, err := kafka.Connect(ctx, cfg.Kafka)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := l.lookUp(ctx, client); err != nil {
		var missing *NoTopicError
		if !errors.As(err, &missing) || missing.Topic != l.retryTopic {
			return err
		}
		delete(l.topics, l.retryTopic) // the sink has never run
	}
	spans, positions, err := l.backlog(ctx, client)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	p := &preview{loop: l, out: out, prepare: preparer{cfg: &l.cfg, topics: l.topics, laned: l.sender != nil, grouped: l.grouper != nil}}
	if l.grouper != nil {
		for _, s := range spans {
			at := Place{s.Topic, s.Partition, s.From}
			if err := l.grouper.assigned(at, positions[s.ID].stamp.Fields[noteCuts], cfg.Now()); err != nil {
				return err
			}
		}
		l.grouper.flush()
	}
	var failed error
	err = kafka.Read(ctx, cfg.Kafka, spans, func(i int, r *kgo.Record) bool {
		if failed == nil {
			failed = p.record(spans[i].ID, r)
		}
		return failed != nil
	})
	if err == nil && failed == nil && l.grouper != nil {
		for _, s := range spans {
			l.grouper.passed(Place{s.Topic, s.Partition, s.To})
		}
		failed = p.cuts()
	}
	return errors.Join(err, failed, out.Flush())
}

// backlog returns what the group has not read.
func (l *loop) backlog(ctx context.Context, client *kgo.Client) ([]kafka.Span, map[fetch.ID]position, error) {
	positions, err := l.committed(ctx, client)
	if err != nil {
		return nil, nil, err
	}
	var names []string
	known := map[string]bool{}
	for name := range l.topics {
		names = append(names, name)
	}
	for id := range positions {
		known[id.Topic] = true
	}
	spans, err := kafka.Spans(ctx, client, names...)
	if err != nil {
		return nil, nil, err
	}
	kept := spans[:0]
	for _, s := range spans {
		if at, ok := positions[s.ID]; ok {
			s.From = max(s.From, at.offset)
		} else if l.cfg.Latest && !known[s.Topic] && !l.topics[s.Topic].retry {
			s.From = s.To
		}
		if s.From < s.To {
			kept = append(kept, s)
		}
	}
	return kept, positions, nil
}

// preview writes messages.
type preview struct {
	*loop
	out     *bufio.Writer
	prepare preparer
}

func (p *preview) record(id fetch.ID, r *kgo.Record) error {
	r.Headers = slices.Clone(r.Headers) // they are reused after this call
	b := p.prepare.prepare(id, []*kgo.Record{r})
	if b.away != nil {
		return b.away.err
	}
	for i := range b.records {
		t := &b.records[i]
		switch {
		case t.err != nil:
			p.refused(t.Record, t.err)
		case t.drop:
		case p.store != nil:
			fmt.Fprintf(p.out, "# %s\n", t.At)
			if err := p.lines(func(w io.Writer) error { return p.store.Show(w, t.Record) }); err != nil {
				p.refused(t.Record, err)
			}
		case p.grouper != nil:
			p.grouper.read(t.Record, t.lane, t.size, p.cfg.Now())
		default:
			if err := p.cut(p.single(t.Record)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *preview) refused(r *Record, err error) {
	why := refusalOf(err)
	fmt.Fprintf(p.out, "# %s %s: %v\n", r.At, why.reason, p.cfg.Hide(why.err))
}

// cuts writes the messages of groups.
func (p *preview) cuts() error {
	for c := p.grouper.cut(p.cfg.Now()); c != nil; c = p.grouper.cut(p.cfg.Now()) {
		if err := p.cut(c); err != nil {
			return err
		}
		p.grouper.delivered(c, p.cfg.Now())
	}
	return nil
}

func (p *preview) cut(c *Cut) error {
	messages, err := p.sender.Compose(c)
	if err != nil {
		p.refused(c.Records[0], err)
		return nil
	}
	for _, m := range messages {
		fmt.Fprintf(p.out, "# %s", c.Records[0].At)
		if len(c.Records) > 1 {
			fmt.Fprintf(p.out, " and %d more", len(c.Records)-1)
		}
		if to := m.Recipient(); to != "" {
			fmt.Fprintf(p.out, " to %v", p.cfg.Hide(errors.New(to)))
		}
		fmt.Fprintln(p.out)
		if err := p.lines(m.Show); err != nil {
			return err
		}
	}
	return nil
}

// lines writes what show does, and ends its last line if need be.
func (p *preview) lines(show func(io.Writer) error) error {
	shown := lastByte{Writer: p.out, last: '\n'}
	err := show(&shown)
	if shown.last != '\n' {
		_ = p.out.WriteByte('\n') // Flush returns its error
	}
	return err
}

// lastByte knows the last byte that was written.
type lastByte struct {
	io.Writer
	last byte
}

func (l *lastByte) Write(p []byte) (int, error) {
	if len(p) > 0 {
		l.last = p[len(p)-1]
	}
	return l.Writer.Write(p)
}
