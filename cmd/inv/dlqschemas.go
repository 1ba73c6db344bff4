package main

import (
	"context"
	"errors"
	"fmt"

	"inv/internal/deadletter"
	"inv/internal/jsonscan"
	"inv/internal/kafka/fetch"
	"inv/internal/registry"
	"inv/internal/scenario"

	"github.com/twmb/franz-go/pkg/kgo"
)

// letterReader decodes dead letters as their topics have them. The nil letterReader
// leaves them as they are.
type letterReader struct {
	s        *streams
	sc       *scenario.Scenario
	app      string
	registry registryFlags
	encoded  encoded
	reader   *registry.Reader // nil: there is no registry
	away     error            // the registry did not answer
}

func (f *sharedFlags) letterReader(ctx context.Context, s *streams, sc *scenario.Scenario, r registryFlags) (*letterReader, error) {
	client, err := registryClient(r.address, f.registry)
	if err != nil {
		return nil, err
	}
	l := &letterReader{s: s, sc: sc, app: f.appID, registry: r, encoded: encodedTopics(sc, f.appID)}
	if client != nil {
		l.reader = l.encoded.shown(ctx, client, registry.Detect, registry.Detect).Reader()
	}
	return l, nil
}

// begin says what is missing to decode the letters of topics.
func (l *letterReader) begin(topics []string) {
	if note := l.encoded.note(topics); note != "" && l.reader == nil {
		l.s.errf("inv dlq: %s\n", note)
	}
}

// decode replaces the key and the value of a letter, valid until the next call.
func (l *letterReader) decode(r *fetch.Record) {
	if l == nil || l.reader == nil {
		return
	}
	err := l.reader.Decode(r, func() {})
	var e *registry.Error
	switch {
	case errors.As(err, &e) && e.Away():
		l.away = err
	case errors.As(err, &e) && e.Certain():
		r.Undecoded = err.Error()
	}
}

// failed reports that letters could not be decoded since the registry did not answer: an
// error if they were filtered, since others may match.
func (l *letterReader) failed(filtered bool) error {
	if l.away == nil {
		return nil
	}
	if filtered {
		return fmt.Errorf("the filter needs decoded values: %w", l.away)
	}
	l.s.errf("inv dlq: values are shown as they are: %v\n", l.away)
	return nil
}

// encode returns what replaces the value of a letter that was refused in a topic: of a
// topic with a format, JSON is encoded by its schema.
func (l *letterReader) encode(ctx context.Context, f *sharedFlags, from string, value []byte) (*deadletter.Repair, error) {
	as := &deadletter.Repair{Value: value}
	of := l.encoded[from].value
	if of == "" {
		return as, nil
	}
	var use topicUse
	for _, t := range l.sc.Topics {
		if t.NameFor(l.app) == from {
			use = topicUse{reads: []string{t.Alias}, writes: []string{t.Alias}}
		}
	}
	topics, err := f.topics(ctx, l.s, l.sc, use, l.registry)
	if err != nil {
		return nil, err
	}
	if _, ok := jsonscan.Valid(value); !ok {
		return nil, usagef("--value: topic %s is %s, so that it takes JSON, which this is not; inv dlq show -o json has that of a letter", from, of)
	}
	w := topics.Writer(from, false)
	if as.Value, err = w.Append(nil, value); err != nil {
		return nil, fmt.Errorf("--value does not fit the schema of topic %s: %w", from, err)
	}
	as.Headers = []kgo.RecordHeader{{Key: registry.ValueHeader, Value: w.Header.Value}}
	return as, nil
}
