package forward

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"strings"
	"time"

	"inv/internal/kafka"
	"inv/internal/registry"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Defaults of a Config.
const (
	DefaultLanes   = 64
	DefaultTimeout = 30 * time.Second
)

// Config is what to deliver and how. Kafka, App, Name and Sources must be set.
type Config struct {
	Kafka   kafka.Config
	App     string   // application id
	Name    string   // of the sink
	Sources []Source // topics, each once

	// Where reports whether a record is delivered; nil: all are. An error refuses the
	// record. The functions of a Config may be called by several goroutines.
	Where func(*Record) (bool, error)
	// Lane appends the record's lane to dst. If it reports false, or is nil, the lane is
	// the record's key, or that of records without key. It is for a [Sender] without
	// Group.
	Lane func(dst []byte, r *Record) ([]byte, bool, error)
	// Group collects records into one message; nil: each is a message of its own. It is
	// for a [Sender].
	Group *Grouping
	// JSON says that the sink needs [Record].JSON, and not only the functions above. It
	// takes time, so a sink that copies values goes without.
	JSON bool
	// Schemas decodes topics that have a format, and what a schema registry describes;
	// nil: there are none.
	Schemas *registry.Topics

	Lanes   int           // messages of a [Sender] under way at most, default DefaultLanes
	Limit   Limit         // of tries
	Timeout time.Duration // of a try, default DefaultTimeout
	Latest  bool          // without a position it begins at the end of a topic, not at its start
	Drain   bool          // Run ends when what was in the topics at its start is finished

	// Hide takes secrets out of an error before it is logged, or written into a dead
	// letter. errors.Is and As go on working. Default: the error itself.
	Hide func(error) error

	Instance string             // ends the transactional id; default: a random text
	Now      func() time.Time   // default time.Now
	Rand     func() float64     // in [0, 1), for the jitter of retries, called by several goroutines; default math/rand/v2
	Log      *slog.Logger       // default: discards
	Stats    *Stats             // counts while Run runs; default one of its own
	Hooks    []kgo.Hook         // of the client that reads
	At       func(point string) // called at the points that docs/dev/forward.md names
}

// Source is a topic that is read.
type Source struct{ Alias, Topic string }

// Grouping is how records are collected into messages.
type Grouping struct {
	// By appends the group's value to dst. If it reports false, the value is "".
	By    func(dst []byte, r *Record) ([]byte, bool, error)
	Wait  time.Duration // from the first record of a group to its message
	Every time.Duration // from one message of a group to the next; 0: Wait
}

// Limit is how often something may happen; without Count: as often as it likes.
type Limit struct {
	Count int
	Per   time.Duration
}

// Sink is a [Sender] or a [Store].
type Sink interface {
	Check(ctx context.Context) error
	Close() error
}

// GroupID returns the consumer group of a sink.
func GroupID(app, sink string) string { return app + "-forward-" + sink }

// DeadLetterTopic returns the topic of a sink's dead letters.
func DeadLetterTopic(app, sink string) string { return GroupID(app, sink) + ".dlq" }

// RetryTopic returns the topic from which a sink reads replayed dead letters.
func RetryTopic(app, sink string) string { return GroupID(app, sink) + ".retry" }

// RetryAlias is the alias of a sink's retry topic in the metadata of offsets. No topic of
// a scenario has it, since aliases have no full stop.
const RetryAlias = ".retry"

// Topics returns the topics that Run creates if they are missing.
func Topics(app, sink string) []kafka.TopicSpec {
	return []kafka.TopicSpec{
		{Name: DeadLetterTopic(app, sink), Partitions: 1, Configs: map[string]string{"retention.ms": "-1", "max.message.bytes": fmt.Sprint(kafka.DeadLetterMaxBytes)}},
		{Name: RetryTopic(app, sink), Partitions: 1, Configs: map[string]string{"retention.ms": "-1", "max.message.bytes": fmt.Sprint(kafka.DeadLetterMaxBytes)}},
	}
}

// ErrUsage is wrapped by errors of a Config that can't be right.
var ErrUsage = errors.New("wrong configuration")

func (c Config) withDefaults() (Config, error) {
	if c.App == "" || c.Name == "" || len(c.Sources) == 0 {
		return c, fmt.Errorf("%w: a sink needs an application, a name and topics", ErrUsage)
	}
	seen := map[string]bool{}
	for _, s := range c.Sources {
		if seen[s.Topic] {
			return c, fmt.Errorf("%w: topic %s is named twice", ErrUsage, s.Topic)
		}
		seen[s.Topic] = true
	}
	setDefault(&c.Lanes, DefaultLanes)
	setDefault(&c.Timeout, DefaultTimeout)
	setDefault(&c.Instance, strings.ToLower(rand.Text()[:10]))
	if c.Hide == nil {
		c.Hide = func(err error) error { return err }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = mathrand.Float64
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Stats == nil {
		c.Stats = &Stats{}
	}
	if c.At == nil {
		c.At = func(string) {}
	}
	return c, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// decodes reports whether a record's JSON is needed. What a registry describes is copied as
// JSON, too.
func (c *Config) decodes() bool {
	return c.JSON || c.Schemas != nil || c.Where != nil || c.Lane != nil || c.Group != nil
}
