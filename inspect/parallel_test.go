package inspect

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"inv/internal/kafka/fetch"
	"inv/internal/theme"

	"github.com/muesli/termenv"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// batchOf returns the wire form of a record batch.
func batchOf(records []*Record) []byte {
	b := kmsg.RecordBatch{
		FirstOffset: records[0].Offset, PartitionLeaderEpoch: -1, Magic: 2, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1,
		LastOffsetDelta: int32(records[len(records)-1].Offset - records[0].Offset), NumRecords: int32(len(records)),
		FirstTimestamp: records[0].Timestamp, MaxTimestamp: records[len(records)-1].Timestamp,
	}
	for _, r := range records {
		k := kmsg.Record{TimestampDelta64: r.Timestamp - b.FirstTimestamp, OffsetDelta: int32(r.Offset - b.FirstOffset), Key: r.Key, Value: r.Value}
		r.EachHeader(func(key, value []byte) bool {
			k.Headers = append(k.Headers, kmsg.Header{Key: string(key), Value: value})
			return true
		})
		body := k.AppendTo(nil)[1:] // behind the length 0
		b.Records = append(binary.AppendVarint(b.Records, int64(len(body))), body...)
	}
	wire := b.AppendTo(nil)
	binary.BigEndian.PutUint32(wire[8:], uint32(len(wire)-12))
	binary.BigEndian.PutUint32(wire[17:], crc32.Checksum(wire[21:], crc32.MakeTable(crc32.Castagnoli)))
	return wire
}

// mixedChunks are chunks of two topics and two days, in which columns become
// wider, some values are no orders or large, and some batches are damaged.
func mixedChunks(random *rand.Rand) (chunks []fetch.Chunk) {
	const start = int64(1625097600000)
	offset, at := int64(0), start
	for range 6 {
		c := fetch.Chunk{Topic: []string{"order_events", "other"}[random.IntN(2)], Partition: int32(random.IntN(3)), From: offset}
		for range 1 + random.IntN(4) {
			var records []*Record
			for range 1 + random.IntN(60) {
				offset, at = offset+1, start+int64(random.IntN(3_600_000))
				if random.IntN(30) == 0 {
					at += msPerDay
				}
				r := &Record{Offset: offset, Timestamp: at, Key: fmt.Appendf(nil, "order-%d", offset*offset)}
				r.SetHeaders([]fetch.Header{{Key: "ce_id", Value: fmt.Append(nil, offset)}, {Key: "inv-fault", Value: []byte("late")}}[:random.IntN(3)])
				switch random.IntN(12) {
				case 0:
					r.Value = []byte("no JSON\x1b[2J, \"two\"\nlines")
				case 1:
					r.Value = nil
				case 2:
					r.Value = []byte(strings.Repeat("large", 700))
				default:
					r.Value = fmt.Appendf(nil, `{"order_id":"%s-%d","customer_id":"cust-%d","items":[{"product_id":"prod-%d","quantity":%d}],"order_total":%d.5,"timestamp":%d}`,
						strings.Repeat("x", random.IntN(25)), offset*offset, offset, offset*offset, offset%9, offset*7, at)
				}
				records = append(records, r)
			}
			wire := batchOf(records)
			if random.IntN(8) == 0 {
				wire[len(wire)-1] ^= 1
			}
			c.Batches = append(c.Batches, wire...)
		}
		chunks = append(chunks, c)
	}
	return chunks
}

// shown is all that can be seen of a run.
type shown struct {
	out     string
	notices []string
	stats   Stats
	counts  [severities]int
	err     string
}

// showAll shows chunks, by way of workers if size, that of a share, is not 0.
func showAll(t *testing.T, o Options, chunks []fetch.Chunk, size int, out interface {
	Write([]byte) (int, error)
	String() string
}) shown {
	t.Helper()
	var s shown
	o.Notice = func(text string) { s.notices = append(s.notices, text) }
	run := &tail{o: o, decoder: fetch.NewDecoder(), out: out, decoding: newDecoding(&o)}
	var err error
	if run.filter, err = compileFilter(&o); err != nil {
		t.Fatal(err)
	}
	if run.failOn, err = compileCondition("fail-on", o.FailOn); err != nil {
		t.Fatal(err)
	}
	show, side := run.showChunk, (*parallel)(nil)
	if size > 0 {
		if side = newParallel(run, 3, size); side == nil {
			t.Fatal("it is not shown side by side")
		}
		defer side.close()
		show = side.show
	}
	for i := range chunks {
		if err = show(&chunks[i]); err != nil {
			break
		}
	}
	if err == nil {
		err = side.drain()
	}
	if flushed := run.flush(); err == nil {
		err = flushed
	}
	s.out, s.stats, s.err = out.String(), run.stats, fmt.Sprint(err)
	if p, ok := o.Renderer.(*Pretty); ok {
		s.counts = p.counts
	}
	return s
}

func TestParallelIsAsSequential(t *testing.T) {
	colors, views, now := theme.New(termenv.ANSI256), inventoryViews(t), time.UnixMilli(1625097600000)
	pretty := func(o PrettyOptions) func() Renderer {
		o.Location, o.Now = time.UTC, now
		return func() Renderer { return NewPretty(o) }
	}
	lines := *views["order_events"]
	lines.lines = true
	renderers := map[string]func() Renderer{
		"pretty":            pretty(PrettyOptions{Theme: colors, Views: views, Labels: map[string]string{"order_events": "orders", "other": "other"}}),
		"pretty, narrow":    pretty(PrettyOptions{Views: views, Width: 70, Headers: true}),
		"pretty, two views": pretty(PrettyOptions{Views: map[string]*View{"order_events": views["order_events"], "other": views["order_events"]}}),
		"pretty, no views":  pretty(PrettyOptions{Theme: colors, Width: 100}),
		"pretty, lines":     pretty(PrettyOptions{Views: map[string]*View{"order_events": &lines}}),
		"json":              func() Renderer { return NewJSON(nil, nil) },
		"json, in colour":   func() Renderer { return NewJSON(colors, map[string]*View{"other": &lines}) },
		"json, indented":    func() Renderer { return &JSON{theme: colors, Indent: true} },
		"yaml":              func() Renderer { return &YAML{} },
		"csv":               func() Renderer { return &CSV{} },
		"highlight": func() Renderer {
			h, err := NewHighlight(NewPretty(PrettyOptions{Theme: colors, Views: views, Now: now}), []string{"order-.*5", "late"}, colors.Match, colors.Reset)
			if err != nil {
				t.Fatal(err)
			}
			return h
		},
	}
	options := map[string]Options{
		"all":     {},
		"filter":  {Match: Match{Filter: `.order_total > 500 or $key == "order-1"`, Exclude: []string{"prod-1"}}},
		"slow":    {Match: Match{Filter: `[.items[]?.quantity] | add > 3`}},
		"fail-on": {FailOn: ".order_total > 1000"},
		"schemas": {Schemas: registryOf(), Match: Match{Filter: `.order_total != 7.5`}},
		"raw":     {Schemas: registryOf(), Undecoded: true, Match: Match{Filter: `.decoded`}, FailOn: ".order_total > 9000"},
		"a form":  {ValueForm: "base64", KeyForm: "int64", Match: Match{Grep: []string{"aWQ"}}},
	}
	for name, renderer := range renderers {
		for which, o := range options {
			t.Run(name+"/"+which, func(t *testing.T) {
				for seed := range uint64(4) {
					random := rand.New(rand.NewPCG(seed, 14))
					chunks, size := mixedChunks(random), 200+random.IntN(20_000)
					o.Renderer = renderer()
					want := showAll(t, o, chunks, 0, &bytes.Buffer{})
					o.Renderer = renderer()
					got := showAll(t, o, chunks, size, &bytes.Buffer{})
					if got.out != want.out {
						t.Fatalf("shares of %d bytes:\n%s\nwant\n%s", size, got.out, want.out)
					}
					if fmt.Sprint(got) != fmt.Sprint(want) {
						t.Fatalf("shares of %d bytes: %+v %q %s, want %+v %q %s", size, got.stats, got.notices, got.err, want.stats, want.notices, want.err)
					}
				}
			})
		}
	}
}

// fakeRegistry is what decoders of several goroutines know together.
type fakeRegistry struct {
	mu    sync.Mutex
	known map[string]bool // topics whose schema was asked for
}

// fakeSchemas decodes values in place in a buffer of its own. It has to wait for the
// first records of a topic, and finds some broken.
type fakeSchemas struct {
	registry *fakeRegistry
	buf      []byte
}

func registryOf() func() SchemaDecoder {
	registry := &fakeRegistry{known: map[string]bool{}}
	return func() SchemaDecoder { return &fakeSchemas{registry: registry} }
}

type fakeError struct {
	text  string
	waits bool
}

func (e *fakeError) Error() string { return e.text }
func (e *fakeError) Waits() bool   { return e.waits }

func (s *fakeSchemas) Decode(r *Record, wait func()) error {
	s.registry.mu.Lock()
	defer s.registry.mu.Unlock()
	switch {
	case wait == nil && !s.registry.known[r.Topic] || wait == nil && r.Offset%97 == 0:
		return &fakeError{"the registry has to be asked", true}
	case r.Offset%41 == 0:
		return &fakeError{fmt.Sprintf("broken in way %d", r.Offset%5), false}
	}
	if wait != nil {
		wait()
		s.registry.known[r.Topic] = true
	}
	if bytes.HasPrefix(r.Value, []byte("{")) {
		s.buf = append(append(s.buf[:0], `{"decoded":true,`...), r.Value[1:]...)
		r.Value = s.buf
	}
	return nil
}

// closedPipe fails once it has got some bytes.
type closedPipe struct{ bytes.Buffer }

func (c *closedPipe) Write(b []byte) (int, error) {
	if c.Len() > 1000 {
		return 0, syscall.EPIPE
	}
	return c.Buffer.Write(b)
}

func TestParallelStopsWhenTheReaderIsGone(t *testing.T) {
	var chunks []fetch.Chunk
	for i := range uint64(40) {
		chunks = append(chunks, mixedChunks(rand.New(rand.NewPCG(i, 0)))...)
	}
	got := showAll(t, Options{Renderer: &JSON{Indent: true, theme: &theme.Theme{}}}, chunks, 4000, &closedPipe{})
	if !strings.Contains(got.err, syscall.EPIPE.Error()) {
		t.Error(got.err)
	}
}

func TestParallelIsNotForThis(t *testing.T) {
	format, err := NewFormat(`%i %v\n`, false)
	if err != nil {
		t.Fatal(err)
	}
	highlighted, err := NewHighlight(format, []string{"a"}, "", "")
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Options{
		"a number of records": {Expect: 5, Renderer: &YAML{}},
		"a numbered format":   {Renderer: format},
		"one in colour":       {Renderer: highlighted},
	} {
		if newParallel(&tail{o: o, filter: &filter{}}, 3, 1000) != nil {
			t.Errorf("%s: shown side by side", name)
		}
	}
	if newParallel(&tail{o: Options{Renderer: &YAML{}}, filter: &filter{}}, 1, 1000) != nil {
		t.Error("one processor: shown side by side")
	}
}
