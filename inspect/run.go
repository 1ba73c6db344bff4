package inspect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"

	"inv/internal/kafka/fetch"
	"inv/internal/termsafe"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// Output is written when no record is ready, or when this much is buffered.
const flushBytes = 256 << 10

// ClientOptions returns the client options that Run needs.
func ClientOptions() []kgo.Opt {
	// Most brokers don't support the newest ApiVersions request, and the retry on
	// each connection would delay the first line.
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(int16(kmsg.ApiVersions), 4)
	return []kgo.Opt{
		kgo.BrokerMaxReadBytes(1 << 30), // so that a record of 100 MB can be read
		kgo.MetadataMinAge(50 * time.Millisecond),
		kgo.MaxVersions(versions),
	}
}

// tail is one run.
type tail struct {
	o        Options
	sel      *selection
	cluster  *fetch.Cluster
	highs    *fetch.Cluster // whose ends are the high watermarks
	withheld withheld
	decoder  *fetch.Decoder
	filter   *filter
	failOn   *jsonCondition // nil: none
	out      io.Writer
	buf      []byte
	stats    Stats
	decoding *decoding               // nil: records are shown as they are
	reported Reasons                 // errors of decoding, see SchemaDecoder
	deadline time.Time               // of Expect; zero: none
	known    map[string]*fetch.Topic // as of the start
	reading  map[string]int          // number of partitions being read, by topic
}

var (
	errEnd = errors.New("the run has reached its end")

	// ErrFailOn is wrapped when the condition of FailOn holds for a record.
	ErrFailOn = errors.New("the failure condition holds")
	// ErrExpect is wrapped when fewer records came than Expect.
	ErrExpect = errors.New("fewer records than expected")
)

// Run writes records to out until it reaches its end, is idle, or out is closed by
// its reader (the error is then EPIPE). When ctx ends, it returns the cause, or nil if
// it was following.
func Run(ctx context.Context, client *kgo.Client, o Options, out io.Writer) (Stats, error) {
	t := &tail{o: o, cluster: fetch.NewCluster(client, !o.Uncommitted), decoder: fetch.NewDecoder(), out: out,
		highs: fetch.NewCluster(client, false), withheld: withheld{open: map[fetch.ID]held{}},
		reading: map[string]int{}}
	t.decoder.MaxBatch = o.MaxBatch
	if o.Within > 0 {
		t.deadline = time.Now().Add(o.Within)
	}
	err := t.run(ctx)
	if flushed := t.flush(); err == nil || errors.Is(err, errEnd) {
		err = flushed
	}
	switch {
	case o.Follow && ctx.Err() != nil && errors.Is(err, context.Cause(ctx)):
		return t.stats, nil
	case err == nil && t.stats.Shown < int64(o.Expect):
		err = fmt.Errorf("%w: %d of %d", ErrExpect, t.stats.Shown, o.Expect)
	}
	return t.stats, err
}

// Check validates the options without connecting. The error is a *UsageError.
func Check(o Options) error {
	if _, err := compileFilter(&o); err != nil {
		return err
	}
	_, err := compileCondition("fail-on", o.FailOn)
	return err
}

// maxNotice bounds a notice, which may quote a broker or a registry, in bytes.
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
	t.decoding = newDecoding(&t.o)
	t.notice(Mistake(t.o.Match.Filter))
	t.notice(Mistake(t.o.FailOn))
	if err := t.selectTopics(ctx); err != nil {
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
	if h, ok := t.o.Renderer.(headed); ok {
		t.buf = h.Header(t.buf)
	}
	ends := make([]fetch.Span, len(spans))
	for i, s := range spans {
		ends[i] = s.Span // which begin moves
	}
	rest, err := t.begin(ctx, topics, spans)
	if err != nil {
		return err
	}
	if err := t.follow(ctx, rest); err != nil || t.o.Follow || t.o.Uncommitted || len(spans) == 0 {
		return err
	}
	if err := t.flush(); err != nil {
		return err
	}
	t.checkWithheld(ctx, topics, ends)
	return nil
}

// describe describes the selected topics, all topics if there are globs.
func (t *tail) describe(ctx context.Context) (map[string]*fetch.Topic, error) {
	if len(t.sel.globs) > 0 {
		return t.cluster.Topics(ctx)
	}
	return t.cluster.Topics(ctx, t.sel.names...)
}

// find looks up the selected topics. Those that neither the scenario nor the cluster
// has are an error, unless Wait is set.
func (t *tail) find(ctx context.Context) (topics []*fetch.Topic, err error) {
	if t.known, err = t.describe(ctx); err != nil {
		return nil, err
	}
	var missing []string
	for _, n := range t.sel.among(maps.Keys(t.known)) {
		switch topic := t.known[n]; {
		case topic != nil:
			topics = append(topics, topic)
			t.reading[n] = len(topic.Partitions)
		case t.sel.labels[n] == "" && !t.o.Wait:
			all, err := t.cluster.Topics(ctx)
			if err != nil {
				return nil, err
			}
			return nil, t.sel.unknown(n, maps.Keys(all))
		default:
			missing = append(missing, n)
		}
	}
	if len(topics) == 0 {
		missing = append(missing, t.sel.globs...)
	}
	if err := t.checkHidden(ctx, len(topics)); err != nil {
		return nil, err
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

// endAt returns a context that ends with errEnd at a time, if it is not zero.
func endAt(ctx context.Context, at time.Time) (context.Context, context.CancelFunc) {
	if at.IsZero() {
		return context.WithCancel(ctx)
	}
	return context.WithDeadlineCause(ctx, at, errEnd)
}

// after returns a channel that receives after d; nil if d is 0.
func after(d time.Duration) <-chan time.Time {
	if d == 0 {
		return nil
	}
	return time.After(d)
}

// follow shows new records until the ends are reached.
func (t *tail) follow(ctx context.Context, spans []fetch.Span) error {
	ctx, cancel := endAt(ctx, t.deadline)
	defer cancel()
	options := fetch.StreamOptions{Known: t.known}
	if t.o.Follow {
		ctx, cancel = endAt(ctx, t.o.Until)
		defer cancel()
		options.Follow, options.Patience = true, fetch.Forever
	}
	stream := t.cluster.Stream(ctx, spans, options)
	if t.o.Follow {
		go t.discover(ctx, stream)
	}
	var side *parallel
	defer func() { side.close() }()
	idle := after(t.o.Idle)
	for {
		var event fetch.Event
		var err error
		open, read := true, t.stats.Read
		select {
		case event, open = <-stream.Events():
		default: // nothing more has come
			waiting := idle
			if side.busy() {
				waiting = nil
			} else if err := t.flush(); err != nil {
				return err
			}
			select {
			case event, open = <-stream.Events():
			case <-side.ready():
				err = side.commit()
			case <-waiting:
				return errEnd
			}
		}
		if !open {
			return cmp.Or(side.drain(), context.Cause(ctx), stream.Err())
		}
		stuck := false
		for i := range event.Chunks {
			if t.o.Follow && !t.o.Uncommitted && !t.withheld.reported && t.withheld.watch(&event.Chunks[i], time.Now()) {
				stuck = true
			}
		}
		if err == nil {
			side, err = t.showEvent(side, &event)
		}
		if err != nil {
			return err
		}
		if stuck {
			t.reportWithheld(t.withheld.stuck(time.Now()))
		}
		if t.stats.Read > read {
			idle = after(t.o.Idle)
		}
	}
}
