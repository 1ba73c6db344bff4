package deadletter

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"inv/internal/event"
	"inv/internal/jsonscan"
	"inv/internal/kafka"
	"inv/internal/kafka/fetch"
	"inv/internal/query"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Client reads and replays dead letters. It is safe for concurrent use.
type Client struct {
	config  kafka.Config
	client  *kgo.Client
	options []kgo.Opt
}

// Connect connects to a cluster. Options are those of the client that puts letters
// back, beside its own.
func Connect(ctx context.Context, c kafka.Config, options ...kgo.Opt) (*Client, error) {
	client, err := kafka.Connect(ctx, c)
	if err != nil {
		return nil, err
	}
	return &Client{c, client, options}, nil
}

// Close closes the connections.
func (c *Client) Close() { c.client.Close() }

// Existing returns which of the named topics exist, as far as the user may describe
// them.
func (c *Client) Existing(ctx context.Context, names ...string) (map[string]bool, error) {
	return fetch.NewCluster(c.client, true).Existing(ctx, names...)
}

// MayDescribe returns an error if the user may not describe a topic, whether it exists
// or not.
func (c *Client) MayDescribe(ctx context.Context, topic string) error {
	_, denied, err := fetch.NewCluster(c.client, true).Permitted(ctx, topic)
	return cmp.Or(err, denied[topic])
}

// CompileFilter compiles a jq condition on a letter's value and headers, for
// [Filter].Match. It returns nil for "". decode replaces a value with its JSON, if it has
// a schema; nil: none has.
func CompileFilter(source string, decode func(*fetch.Record)) (func(*kgo.Record) bool, error) {
	if source == "" {
		return nil, nil
	}
	fields := jsonscan.NewFields()
	compiled, err := query.Compile(source, query.JQ, fields)
	if err != nil {
		return nil, err
	}
	return func(r *kgo.Record) bool {
		one := fetched(r)
		if decode != nil {
			decode(one)
		}
		in := query.Input{Record: one, Value: one.Value, Fields: make([][]byte, fields.Len())}
		in.JSON = one.Value != nil && fields.Scan(one.Value, in.Fields)
		return compiled.Match(&in)
	}, nil
}

// fetched converts a record. The copy shares its bytes, but not the headers'.
func fetched(r *kgo.Record) *fetch.Record {
	out := &fetch.Record{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp.UnixMilli(), Key: r.Key, Value: r.Value}
	var headers []fetch.Header
	for _, h := range r.Headers {
		headers = append(headers, fetch.Header{Key: h.Key, Value: h.Value})
	}
	out.SetHeaders(headers)
	return out
}

// Filter selects letters. The zero value selects all.
type Filter struct {
	Reasons []event.Reason         // any of these; none: all
	Places  []event.Place          // any of these; none: all
	Match   func(*kgo.Record) bool // nil: all
}

func (f *Filter) matches(r *kgo.Record, l *Letter) bool {
	return (len(f.Reasons) == 0 || slices.Contains(f.Reasons, l.Reason)) &&
		(len(f.Places) == 0 || slices.Contains(f.Places, l.At)) &&
		(f.Match == nil || f.Match(r))
}

// Read calls visit with the current letters of dead-letter topics that match the
// filter, in order within a partition. foreign counts records that are not letters.
func (c *Client) Read(ctx context.Context, topics []string, f Filter, visit func(*Letter)) (foreign int, err error) {
	spans, err := kafka.Spans(ctx, c.client, topics...)
	if err != nil {
		return 0, fmt.Errorf("looking up the dead letters: %w", err)
	}
	if len(f.Places) > 0 {
		spans = slices.DeleteFunc(spans, func(s kafka.Span) bool {
			return !slices.ContainsFunc(f.Places, func(p event.Place) bool {
				return p.Topic == s.Topic && p.Partition == s.Partition && p.Offset >= s.From && p.Offset < s.To
			})
		})
	}
	err = kafka.Read(ctx, c.config, spans, func(_ int, r *kgo.Record) bool {
		l, err := Parse(r)
		if err != nil {
			foreign++
		} else if f.matches(r, l) {
			visit(l)
		}
		return false
	})
	if err != nil {
		return foreign, fmt.Errorf("reading the dead letters: %w", err)
	}
	return foreign, nil
}
