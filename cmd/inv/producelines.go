package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"inv/internal/kafka/admin"
	"inv/internal/kafka/partition"
	"inv/internal/scenario"
	"inv/producer"

	"github.com/spf13/pflag"
)

// lineFlags are the flags of `inv produce --topic`, which sends the lines of stdin.
type lineFlags struct {
	topic, keySeparator string
	header              []string
	named               bool // the topic is an argument
	changed             func(visit func(*pflag.Flag))
}

func (l *lineFlags) register(fs *pflag.FlagSet) {
	l.changed = fs.Visit
	fs.StringVarP(&l.topic, "topic", "t", "", "send the lines of stdin to this `TOPIC` or alias, instead of a producer's records")
	fs.StringVarP(&l.keySeparator, "key-separator", "K", "", "with --topic: the `TEXT` that ends the key in a line, such as : (by default lines have no key)")
	fs.StringArrayVarP(&l.header, "header", "H", nil, "with --topic: a header of each record, `NAME=VALUE`; repeatable")
}

// implied takes a topic that is named as an argument, with lines for it on stdin, as
// --topic: no producer of the scenario has its name. It returns the other arguments. An
// empty stdin, as many jobs have it, implies nothing.
func (l *lineFlags) implied(ctx context.Context, s *streams, f *sharedFlags, args []string) []string {
	if l.topic != "" || len(args) != 1 || !s.inPiped {
		return args
	}
	sc, err := f.loadScenario(ctx)
	if err != nil || slices.ContainsFunc(sc.Producers, func(p scenario.Producer) bool { return p.Name == args[0] }) {
		return args
	}
	in := bufio.NewReader(s.in)
	s.in = in
	if _, err := in.Peek(1); err != nil {
		return args
	}
	l.topic, l.named = args[0], true
	return nil
}

// producersOf returns the producers of a topic's records, by its name or alias; "" if
// there are none.
func producersOf(sc *scenario.Scenario, topic string) string {
	var names []string
	runnable := producer.Runnable(sc)
	for _, p := range sc.Producers {
		if t, ok := sc.Topic(p.Topic.Text); ok && slices.Contains(runnable, p.Name) && (t.Alias == topic || t.Name == topic) {
			names = append(names, p.Name)
		}
	}
	return strings.Join(names, ", ")
}

// check refuses flags that don't go together.
func (l *lineFlags) check(names []string) (err error) {
	if l.topic != "" && len(names) > 0 {
		return usagef("--topic sends lines of stdin, not the records of %s; leave out one of them", strings.Join(names, ", "))
	}
	l.changed(func(f *pflag.Flag) {
		switch f.Name {
		case "key-separator", "header":
			if l.topic == "" {
				err = usagef("--%s needs --topic", f.Name)
			}
		case "rate", "jitter", "bursts", "ramp", "count", "skip", "for", "seed", "start", "shard", "products", "to", "force", "headers", "fault", "untagged", "workers":
			if l.topic != "" {
				err = usagef("--%s is for producers, not for lines of stdin", f.Name)
			}
		}
	})
	return err
}

func (l *lineFlags) lines(p *produceFlags, s *streams) (producer.Lines, error) {
	o := producer.Lines{Envelope: p.envelope, KeySeparator: l.keySeparator, Partitioner: partition.Partitioner(p.partitioner.value), Now: s.now}
	if o.Envelope && o.KeySeparator != "" {
		return o, usagef("--envelope has keys of its own; leave out --key-separator")
	}
	for _, h := range l.header {
		name, value, ok := strings.Cut(h, "=")
		if !ok {
			return o, usagef("--header %q: it is NAME=VALUE", h)
		}
		o.Headers = append(o.Headers, producer.Header{Key: name, Value: []byte(value)})
	}
	o.Enveloped = func() {
		fmt.Fprintln(s.err, "inv produce: the lines look like those of tail -o json, and are sent as values; --envelope sends their keys, headers and values")
	}
	return o, nil
}

func produceLines(ctx context.Context, s *streams, f *sharedFlags, p *produceFlags) error {
	o, err := p.lines.lines(p, s)
	if err != nil {
		return err
	}
	err = f.withAdmin(ctx, func(c *admin.Client) error {
		names, err := f.existingTopics(ctx, s, c, []string{p.lines.topic})
		if err == nil && len(names) > 1 {
			err = usagef("%s is %d topics; name one of %s", p.lines.topic, len(names), strings.Join(names, ", "))
		}
		if err == nil {
			o.Topic = names[0]
		}
		return err
	})
	if err != nil && p.lines.named {
		return fmt.Errorf("the scenario has no producer %q, and as a topic: %w", p.lines.topic, err)
	}
	if err != nil {
		return err
	}
	if s.inTerminal {
		fmt.Fprintln(s.err, "inv produce: each line is a record; Ctrl-D ends")
	}
	if o.Writers, err = p.lineWriters(ctx, s, f, o.Topic); err != nil {
		return err
	}
	sum, err := producer.SendLines(ctx, f.kafka(), o, s.in)
	if sum.Sent > 0 || err == nil {
		text := "produced " + records(sum.Acknowledged) + " to " + o.Topic
		if sum.Tombstones > 0 {
			text += fmt.Sprintf(", %s", many(sum.Tombstones, "tombstone"))
		}
		s.errf("%s\n", text)
		if lost := sum.Sent - sum.Acknowledged; lost > 0 {
			s.errf("sent but not acknowledged: %s\n", records(lost))
		}
	}
	if wrong := new(producer.LineError); errors.As(err, &wrong) {
		return fmt.Errorf("%w; nothing from there on was sent", err)
	}
	return err
}
