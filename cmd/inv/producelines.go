package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"inv/internal/kafka/admin"
	"inv/internal/kafka/partition"
	"inv/producer"

	"github.com/spf13/pflag"
)

// lineFlags are the flags of `inv produce --topic`, which sends the lines of stdin.
type lineFlags struct {
	topic, keySeparator string
	header              []string
	changed             func(visit func(*pflag.Flag))
}

func (l *lineFlags) register(fs *pflag.FlagSet) {
	l.changed = fs.Visit
	fs.StringVarP(&l.topic, "topic", "t", "", "send the lines of stdin to this `TOPIC` or alias, instead of a producer's records")
	fs.StringVarP(&l.keySeparator, "key-separator", "K", "", "with --topic: the `TEXT` that ends the key in a line, such as : (by default lines have no key)")
	fs.StringArrayVarP(&l.header, "header", "H", nil, "with --topic: a header of each record, `NAME=VALUE`; repeatable")
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
		case "rate", "jitter", "bursts", "ramp", "count", "for", "seed", "start", "shard", "products", "to", "force", "headers", "fault", "untagged", "workers":
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
	if err != nil {
		return err
	}
	if s.inTerminal {
		fmt.Fprintln(s.err, "inv produce: each line is a record; Ctrl-D ends")
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
