package inspect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime"
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
	forms    *forms                  // nil: no form is given
	reported map[string]bool         // errors of decoding, see SchemaDecoder
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
		reading: map[string]int{}, reported: map[string]bool{}}
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
	if f := (&forms{key: formOf(t.o.KeyForm), value: formOf(t.o.ValueForm)}); f.key != nil || f.value != nil {
		t.forms = f
	}
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

// showEvent shows an event: itself if it is small, or else by way of side, which it
// starts if it is nil.
func (t *tail) showEvent(side *parallel, event *fetch.Event) (*parallel, error) {
	size := 0
	for i := range event.Chunks {
		size += len(event.Chunks[i].Batches)
	}
	if side == nil && size >= minParallel && !t.copies() {
		side = newParallel(t, min(runtime.GOMAXPROCS(0), maxWorkers), shareBytes)
	}
	if event.Notice != "" {
		if err := side.drain(); err != nil {
			return side, err
		}
		t.notice(event.Notice)
	}
	show := t.showChunk
	if side.busy() || side != nil && size >= minParallel {
		show = side.show
	}
	for i := range event.Chunks {
		if err := show(&event.Chunks[i]); err != nil {
			return side, err
		}
	}
	return side, side.hand()
}

// copies reports whether showing a record is no more than copying its value, which is
// not worth a worker.
func (t *tail) copies() bool {
	_, raw := t.o.Renderer.(Raw)
	return raw && t.filter.condition == nil && t.failOn == nil && len(t.filter.grep)+len(t.filter.exclude) == 0
}

// showChunk shows the records of a chunk that pass the filter. The error ends the run.
func (t *tail) showChunk(chunk *fetch.Chunk) (stopped error) {
	err := t.decoder.Each(chunk, func(r *Record) bool {
		stopped = t.showRecord(r)
		return stopped == nil
	})
	if err != nil && stopped == nil {
		t.unreadable(err)
	}
	return stopped
}

func (t *tail) showRecord(r *Record) error {
	if t.pass(r) {
		return t.show(r)
	}
	return nil
}

// pass decodes a record and reports whether it passes the filter.
func (t *tail) pass(r *Record) bool {
	key, value := r.Key, r.Value
	byKey, possible := t.take(r)
	matches := possible && t.filter.match(r, byKey)
	if t.o.Undecoded {
		r.Key, r.Value = key, value
	}
	return matches
}

// take counts a record and decodes it, unless its key can't match. byKey is whether the
// key matched before it was decoded.
func (t *tail) take(r *Record) (byKey, possible bool) {
	t.stats.Read++
	if byKey = t.filter.key == nil || t.filter.key.raw(r.Key); !byKey && !t.filter.key.others {
		return false, false
	}
	t.decode(r)
	if t.stats.Read == 1 {
		t.notice(t.misplaced(r))
	}
	return byKey, true
}

// misplaced returns a hint about the conditions of the run, by its first record.
func (t *tail) misplaced(r *Record) string {
	for _, c := range []*jsonCondition{t.filter.condition, t.failOn} {
		if c == nil {
			continue
		}
		if text := c.misplaced(r); text != "" {
			return fmt.Sprintf("%s p%d@%d: %s", r.Topic, r.Partition, r.Offset, text)
		}
	}
	return ""
}

// unreadable reports records that can't be read or decoded.
func (t *tail) unreadable(err error) {
	if t.o.Hint != nil {
		err = t.o.Hint(err)
	}
	t.notice(err.Error())
}

// decode decodes the key and the value. While it waits for schemas, the records before
// are on the screen.
func (t *tail) decode(r *Record) {
	if t.forms != nil {
		t.undecoded(r, t.forms.decode(r))
	}
	if t.o.Schemas != nil {
		t.undecoded(r, t.o.Schemas.Decode(r, func() { _ = t.flush() })) // the next write fails, too, and reports it
	}
}

// maxReported bounds the errors of decoding that are reported.
const maxReported = 20

// undecoded reports an error of decoding, once for each kind.
func (t *tail) undecoded(r *Record, err error) {
	if err == nil || errors.Is(err, context.Canceled) { // the run is ending
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			t.undecoded(r, err)
		}
		return
	}
	kind := r.Topic + " " + err.Error()
	var once interface{ Once() string }
	if errors.As(err, &once) {
		kind = once.Once()
	}
	if t.reported[kind] || len(t.reported) == maxReported {
		return
	}
	t.reported[kind] = true
	t.unreadable(fmt.Errorf("%s p%d@%d: %w", r.Topic, r.Partition, r.Offset, err))
}

// show renders a record that passed the filter. The error ends the run.
func (t *tail) show(r *Record) error {
	t.stats.Shown++
	t.buf = t.o.Renderer.Append(t.buf, r)
	if t.failOn != nil && t.o.Undecoded {
		t.decode(r)
	}
	if t.failOn != nil && t.failOn.match(r) {
		return fmt.Errorf("%s p%d@%d: %w", r.Topic, r.Partition, r.Offset, ErrFailOn)
	}
	if n := t.o.most(); n > 0 && t.stats.Shown >= int64(n) {
		return errEnd
	}
	if len(t.buf) >= flushBytes {
		return t.flush()
	}
	return nil
}

// write writes rendered records, few of them with what follows.
func (t *tail) write(records []byte) error {
	if len(t.buf)+len(records) < flushBytes {
		t.buf = append(t.buf, records...)
		return nil
	}
	if err := t.flush(); err != nil {
		return err
	}
	return t.writeOut(records)
}

func (t *tail) flush() error {
	if len(t.buf) == 0 {
		return nil
	}
	err := t.writeOut(t.buf)
	t.buf = emptied(t.buf)
	return err
}

func (t *tail) writeOut(b []byte) error {
	if _, err := t.out.Write(b); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	return nil
}
