package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"time"

	"inv/internal/kafka/fetch"
	"inv/internal/termsafe"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// Output is written when the poll runs dry, or when this much is buffered.
const flushBytes = 256 << 10

// ClientOptions returns the client options that Run needs.
func ClientOptions() []kgo.Opt {
	return []kgo.Opt{
		kgo.BrokerMaxReadBytes(1 << 30), // so that a record of 100 MB can be read
		kgo.MetadataMinAge(50 * time.Millisecond),
		kgo.MaxVersions(versions()),
	}
}

// versions returns the newest version of each request, but an older ApiVersions:
// most brokers don't support its newest one, and the retry on each connection would
// delay the first line.
func versions() *kversion.Versions {
	v := kversion.Stable()
	v.SetMaxKeyVersion(int16(kmsg.ApiVersions), 4)
	return v
}

// tail is one run.
type tail struct {
	o         Options
	sel       *selection
	cluster   *fetch.Cluster
	decoder   *fetch.Decoder
	filter    *filter
	failOn    *jsonCondition // nil: none
	out       io.Writer
	buf       []byte
	stats     Stats
	undecoded string // the error of the last value that could not be decoded
	within    <-chan time.Time
	until     <-chan time.Time
	known     map[string]*fetch.Topic // as of the start
	reading   map[string]int          // number of partitions being read, by topic
}

// Errors that end a run.
var (
	errIdle   = errors.New("nothing came")
	errUntil  = errors.New("the time is over")
	errEnough = errors.New("all that was expected came")

	// ErrFailOn is wrapped when a record met the condition of FailOn.
	ErrFailOn = errors.New("the failure condition holds")
	// ErrExpect is wrapped when fewer records came than Expect.
	ErrExpect = errors.New("fewer records than expected")
)

// Run writes records to out until it reaches its end, is idle, or out is closed by
// its reader (the error is then EPIPE). When ctx is done it returns nil if it was
// following, else the cause.
func Run(ctx context.Context, client *kgo.Client, o Options, out io.Writer) (Stats, error) {
	t := &tail{o: o, cluster: fetch.NewCluster(client, !o.Uncommitted), decoder: fetch.NewDecoder(), out: out,
		reading: map[string]int{}}
	t.decoder.MaxBatch = o.MaxBatch
	within, until := newTimer(o.Within), newTimer(0)
	if o.Follow && !o.Until.IsZero() {
		until = newTimer(max(1, time.Until(o.Until)))
	}
	defer within.Stop()
	defer until.Stop()
	t.within, t.until = within.C, until.C
	err := t.run(ctx)
	if flushed := t.flush(); err == nil {
		err = flushed
	}
	return t.stats, t.ending(ctx, err)
}

// Check validates the options without connecting. The error is a *UsageError.
func Check(o Options) error {
	if _, err := compileFilter(&o); err != nil {
		return err
	}
	_, err := compileCondition("fail-on", o.FailOn)
	return err
}

// ending returns the error with which a run ends.
func (t *tail) ending(ctx context.Context, err error) error {
	stopped := t.o.Follow && ctx.Err() != nil && errors.Is(err, context.Cause(ctx))
	switch {
	case errors.Is(err, errEnough):
		return nil
	case err == nil || errors.Is(err, errIdle) || errors.Is(err, errUntil) || stopped:
		if t.o.Expect > 0 && !stopped {
			return t.tooFew()
		}
		return nil
	}
	return err
}

// newTimer returns a channel that receives after d; never, if d is 0.
func newTimer(d time.Duration) *time.Timer {
	if d > 0 {
		return time.NewTimer(d)
	}
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// maxNotice bounds a notice with text of a broker or a registry, in bytes.
const maxNotice = 1000

func (t *tail) notice(text string) {
	if text != "" && t.o.Notice != nil {
		t.o.Notice(termsafe.String(text[:min(len(text), maxNotice)]))
	}
}

func (t *tail) run(ctx context.Context) error {
	var err error
	if t.filter, err = compileFilter(&t.o); err != nil {
		return err
	}
	if t.failOn, err = compileCondition("fail-on", t.o.FailOn); err != nil {
		return err
	}
	if t.sel, err = selectTopics(t.o.Topics, t.o.Scenario, t.o.App); err != nil {
		return err
	}
	topics, err := t.find(ctx)
	if err != nil {
		return err
	}
	t.cluster.Warm(ctx, topics)
	spans, err := t.spans(ctx, topics)
	if err != nil {
		return err
	}
	rest, err := t.begin(ctx, topics, spans)
	if err != nil {
		return err
	}
	return t.follow(ctx, rest)
}

// find looks up the selected topics. Without Follow all of them must exist.
func (t *tail) find(ctx context.Context) ([]*fetch.Topic, error) {
	var names []string // none: all, for the globs
	if len(t.sel.globs) == 0 {
		names = t.sel.names
	}
	found, err := t.cluster.Topics(ctx, names...)
	if err != nil {
		return nil, err
	}
	var topics []*fetch.Topic
	var missing []string
	for _, n := range t.sel.names {
		topic := found[n]
		if topic == nil {
			if !t.sel.known[n] && !t.o.Wait {
				return nil, t.unknown(ctx, n)
			}
			missing = append(missing, n)
			continue
		}
		topics = append(topics, topic)
	}
	if len(t.sel.globs) > 0 {
		for _, n := range t.sel.matches(sortedNames(found)) {
			if !slices.Contains(t.sel.names, n) {
				topics = append(topics, found[n])
			}
		}
		if len(topics) == 0 {
			missing = append(missing, t.sel.globs...)
		}
	}
	t.known = found
	for _, topic := range topics {
		t.reading[topic.Name] = len(topic.Partitions)
	}
	if len(missing) > 0 {
		what := "waiting for "
		if !t.o.Follow {
			what = "nothing to show yet of "
		}
		t.notice(what + strings.Join(missing, ", "))
	}
	return topics, t.checkPartitions(topics)
}

func (t *tail) unknown(ctx context.Context, name string) error {
	all, err := t.cluster.Topics(ctx)
	if err != nil {
		return err
	}
	return t.sel.unknown(name, t.o.Scenario, sortedNames(all))
}

func sortedNames(topics map[string]*fetch.Topic) []string {
	var names []string
	for n := range topics {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

func (t *tail) checkPartitions(topics []*fetch.Topic) error {
	for _, want := range t.o.Partitions {
		for _, topic := range topics {
			if int(want) >= len(topic.Partitions) {
				return usagef("%s has no partition %d; it has 0 to %d", topic.Name, want, len(topic.Partitions)-1)
			}
		}
	}
	return nil
}

// follow shows new records until the ends are reached.
func (t *tail) follow(ctx context.Context, spans []fetch.Span) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	options := fetch.StreamOptions{Known: t.known}
	if t.o.Follow {
		options.Follow, options.Patience = true, fetch.Forever
	}
	stream := t.cluster.Stream(ctx, spans, options)
	if t.o.Follow {
		go t.discover(ctx, stream)
	}
	idle := newTimer(t.o.Idle)
	defer idle.Stop()
	for {
		var event fetch.Event
		var open bool
		select {
		case <-t.within:
			return t.tooFew()
		case <-t.until:
			return errUntil
		default:
		}
		select {
		case event, open = <-stream.Events():
		default: // nothing more is ready: flush
			if err := t.flush(); err != nil {
				return err
			}
			select {
			case event, open = <-stream.Events():
			case <-idle.C:
				return errIdle
			case <-t.within:
				return t.tooFew()
			case <-t.until:
				return errUntil
			}
		}
		if !open {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			return stream.Err()
		}
		t.notice(event.Notice)
		some, err := t.showChunks(event.Chunks)
		if err != nil {
			return err
		}
		if some && t.o.Idle > 0 {
			idle.Reset(t.o.Idle)
		}
	}
}

func (t *tail) showChunks(chunks []fetch.Chunk) (some bool, err error) {
	for i := range chunks {
		var stopped error
		err := t.decoder.Each(&chunks[i], func(r *Record) bool {
			some = true
			t.stats.Read++
			t.decode(r)
			if t.filter.match(r) {
				stopped = t.show(r)
			}
			return stopped == nil
		})
		if stopped != nil {
			return some, stopped
		}
		if err != nil {
			t.unreadable(err)
		}
	}
	return some, nil
}

// unreadable reports records that can't be shown.
func (t *tail) unreadable(err error) {
	text := err.Error()
	if errors.Is(err, fetch.ErrTooLarge) {
		text += "; --max-batch reads larger ones"
	}
	t.notice(text)
}

// decode decodes a value. A schema that can't be fetched is reported once.
func (t *tail) decode(r *Record) {
	if t.o.Values == nil {
		return
	}
	if err := t.o.Values.Decode(r); err != nil && err.Error() != t.undecoded {
		t.undecoded = err.Error()
		t.notice(fmt.Sprintf("%s p%d@%d: %v", r.Topic, r.Partition, r.Offset, err))
	}
}

// show renders a record that passed the filter, and reports whether the run ends
// with it.
func (t *tail) show(r *Record) error {
	t.stats.Shown++
	t.buf = t.o.Renderer.Append(t.buf, r)
	if t.failOn != nil && t.failOn.match(r) {
		return fmt.Errorf("%s p%d@%d: %w", r.Topic, r.Partition, r.Offset, ErrFailOn)
	}
	if t.o.Expect > 0 && t.stats.Shown >= int64(t.o.Expect) {
		return errEnough
	}
	if len(t.buf) >= flushBytes {
		return t.flush()
	}
	return nil
}

// tooFew returns the error of a run with fewer records than expected.
func (t *tail) tooFew() error {
	return fmt.Errorf("%w: %d of %d", ErrExpect, t.stats.Shown, t.o.Expect)
}

func (t *tail) flush() error {
	if len(t.buf) == 0 {
		return nil
	}
	_, err := t.out.Write(t.buf)
	t.buf = emptied(t.buf)
	if err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	return nil
}
