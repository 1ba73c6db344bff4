package producer

import (
	"bytes"
	"cmp"
	"slices"

	"inv/internal/kafka/partition"
	"inv/internal/registry"
	"inv/internal/scenario"
)

// renderer renders slots as records.
type renderer struct {
	plan     *Plan
	events   bool             // CloudEvents headers
	tags     bool             // the fault header
	oversize int              // bytes
	other    *registry.Writer // of a schema of another subject; nil: none
	streams  []rendered
}

// rendered is what all records of a stream share.
type rendered struct {
	topic       string
	partitions  int
	partitioner partition.Partitioner
	fixed       []Header // the CloudEvents headers; those that vary, in the end, have no value
	keyID       []Header // the header with the ID of the key's schema, if there is one
	valueID     []Header // the same of the value
	noID        bool     // the scenario has a header ce_id of its own
	noTime      bool     // the same of ce_time
	prefix      []byte   // of ce_id
	width       int      // of a record in a block; 0: records are rendered one by one
	routes      []rendered
}

// of returns what a stream's records of a topic share.
func (d rendered) of(s *stream, topic scenario.Topic, to Writers, o Options) rendered {
	d.topic = topic.NameFor(o.App)
	d.partitions = max(cmp.Or(o.Partitions[d.topic], topic.Partitions), 1)
	d.keyID, d.valueID = idHeader(to.Key), idHeader(to.Value)
	d.fixed = slices.Clone(d.fixed)
	for i := range d.fixed {
		if d.fixed[i].Key == "content-type" {
			d.fixed[i].Value = []byte(s.contentType(to))
		}
	}
	return d
}

// FaultHeader is the header that names a record's fault.
const FaultHeader = "inv-fault"

func newRenderer(p *Plan, o Options) *renderer {
	r := &renderer{plan: p, events: !o.NoEvents, tags: !o.NoTags, other: o.Other}
	for _, f := range o.Faults {
		if f.kind == oversize {
			r.oversize = f.size
		}
	}
	for _, s := range p.streams {
		about := rendered{
			partitioner: cmp.Or(o.Partitioner, partition.Partitioner(s.spec.Partitioner)),
			fixed: []Header{ // CloudEvents in Kafka's binary mode; the two that vary come last
				{Key: "ce_specversion", Value: []byte("1.0")},
				{Key: "ce_type", Value: []byte(s.ceType)},
				{Key: "ce_source", Value: []byte(s.source)},
				{Key: "content-type"},
				{Key: "ce_id"}, {Key: "ce_time"},
			},
			prefix: append(appendInt(nil, int64(p.Seed&(1<<63-1))), '-'),
			width:  blockWidth(s, o),
		}
		about.replace(s.spec.Headers)
		shared := about
		about = shared.of(s, s.topic, p.writers[s.topic.Alias], o)
		for _, topic := range s.routes {
			about.routes = append(about.routes, shared.of(s, topic, p.writers[topic.Alias], o))
		}
		r.streams = append(r.streams, about)
	}
	return r
}

// replace leaves out the CloudEvents headers that the scenario has itself.
func (r *rendered) replace(own []scenario.Field) {
	has := func(name string) bool {
		return slices.ContainsFunc(own, func(f scenario.Field) bool { return f.Name == name })
	}
	r.noID, r.noTime = has("ce_id"), has("ce_time")
	r.fixed = slices.DeleteFunc(r.fixed, func(h Header) bool { return has(h.Key) })
}

// render fills a batch from its slots.
func (r *renderer) render(w *worker, b *Batch) {
	b.buf, b.headers, b.wrong, b.refused = b.buf[:0], b.headers[:0], nil, refused{at: b.refused.at[:0]}
	b.Records = slices.Grow(b.Records[:0], cap(b.slots))[:len(b.slots)]
	for i := 0; i < len(b.slots); {
		n := r.ahead(b.slots[i:])
		if n > 0 {
			r.block(w, b, b.slots[i:i+n], b.Records[i:i+n])
		} else if err := r.record(w, b, &b.slots[i], &b.Records[i]); err != nil {
			b.refused.add(1, err)
			b.refused.at = append(b.refused.at, i)
		}
		i += max(n, 1)
	}
	for _, at := range slices.Backward(b.refused.at) {
		b.Records, b.slots = slices.Delete(b.Records, at, at+1), slices.Delete(b.slots, at, at+1)
	}
}

// record renders a record. A fault that it can't have, or that would change nothing, it
// loses. The error is a RefusedError.
func (r *renderer) record(w *worker, b *Batch, s *slot, rec *Record) error {
	if s.fault != unknownRef {
		return r.compose(w, b, s, rec)
	}
	var right Record
	without := *s
	without.fault = noFault
	err := r.compose(w, b, &without, &right)
	if wrong := r.compose(w, b, s, rec); wrong == nil && (err != nil || !rec.says(&right)) {
		return nil
	}
	s.fault, *rec = noFault, right
	return err
}

// says reports whether a record has the contents of another one, apart from the header
// that names its fault.
func (r *Record) says(other *Record) bool {
	same := func(a, b Header) bool { return a.Key == b.Key && bytes.Equal(a.Value, b.Value) }
	return bytes.Equal(r.Key, other.Key) && bytes.Equal(r.Value, other.Value) && r.Partition == other.Partition &&
		slices.EqualFunc(r.Headers[:min(len(r.Headers), len(other.Headers))], other.Headers, same)
}

// compose renders a record with its fault. The error is a RefusedError.
func (r *renderer) compose(w *worker, b *Batch, s *slot, rec *Record) error {
	stream := r.plan.streams[s.stream]
	f := w.push()
	stream.frame(f, *s)
	if stream.from != nil {
		stream.from.enter(w, f, *s)
	}
	f.own.lost = s.fault == unknownRef
	content := stream.content(s.n)
	about, to := &r.streams[s.stream], &content.encoded
	if content.route != nil {
		at := content.route(w, f)
		if about = &about.routes[at]; content.routed != nil {
			to = &content.routed[at]
		}
	}
	w.unfit = nil
	*rec = Record{Topic: about.topic, At: s.at, Stream: int(s.stream), Number: s.n}
	start := len(b.buf)
	if _, revisit := stream.revisit(*s); revisit != deletesKey {
		b.buf = to.value(w, f, b.buf)
		rec.Value = b.buf[start:len(b.buf):len(b.buf)]
	}
	refusedValue := w.unfit != nil
	switch {
	case to.key == nil || content.noKey != nil && content.noKey(w, f):
	case to.program.keyAt > 0 && rec.Value != nil:
		rec.Key = b.buf[start+to.program.keyAt : w.keyEnd : w.keyEnd]
	default:
		start = len(b.buf)
		b.buf = to.key(w, f, b.buf)
		rec.Key = b.buf[start:len(b.buf):len(b.buf)]
	}
	if w.unfit != nil {
		w.depth = 0
		return &RefusedError{Producer: stream.name, Topic: about.topic, Number: s.n, Key: !refusedValue, Err: w.unfit}
	}
	if content.partition != nil && (content.noPartition == nil || !content.noPartition(w, f)) {
		rec.Partition = b.partition(content.partition(w, f), rec, stream.name, about.partitions)
	} else {
		rec.Partition = partitionOf(about.partitioner, rec.Key, s.n, about.partitions)
	}
	var id []byte
	if s.fault != noFault {
		if value, other, ok := r.damage(w, f, rec, s.fault, to, stream); ok {
			rec.Value, rec.Fault, id = value, s.fault.String(), other
		} else {
			s.fault = noFault
		}
	}
	r.headers(w, b, f, s, content, about, rec, id)
	w.depth = 0
	return nil
}

// partition returns a record's own partition, with an error if its topic lacks it.
func (b *Batch) partition(p int64, rec *Record, producer string, partitions int) int32 {
	if p < 0 || p >= int64(partitions) {
		b.wrong = cmp.Or(b.wrong, error(&PartitionError{producer, rec.Number, p, rec.Topic, partitions}))
		return 0
	}
	return int32(p)
}

// frame sets the frame of a record of the stream.
func (s *stream) frame(f *frame, at slot) {
	h := recordKey(s.random, at.n)
	f.set(h, at.n, at.at, nil, &f.own)
	f.own = whole{earlier: h, earlierN: at.n, fresh: h, step: int(at.step)}
	if at.last != nil {
		f.own.last = at.last.last
	}
	if s.machine != nil {
		f.own.state = int(at.state)
		f.own.fresh = mix(h + saltFresh + uint64(at.step)*golden)
	}
	if s.revisits {
		f.own.earlierN, _ = s.revisit(at)
		f.own.earlier = recordKey(s.random, f.own.earlierN)
	}
}

// revisit returns the number of the record whose key a record has, and what it does
// with it.
func (s *stream) revisit(at slot) (int64, revisit) {
	if s.live && at.last != nil {
		return at.last.keyOf, at.last.revisit
	}
	return s.keyOf(at.n), s.revisitOf(at.n)
}

// keyOf returns the number of the record whose key record n has: its own, or for an
// update or a tombstone that of an earlier record with a new key.
func (s *stream) keyOf(n int64) int64 {
	for n > 0 && s.revisitOf(n) != newKey {
		n = int64(below(mix(recordKey(s.random, n)+saltEarlier), uint64(n)))
	}
	return n
}

// What a record does with its key.
type revisit int8

const (
	newKey revisit = iota
	updatesKey
	deletesKey
)

const (
	saltEarlier = 0x6561726C
	saltRevisit = 0x72657669
)

func (s *stream) revisitOf(n int64) revisit {
	if !s.revisits || n == 0 {
		return newKey
	}
	switch r := unit(mix(recordKey(s.random, n) + saltRevisit)); {
	case r < float64(s.spec.Tombstones):
		return deletesKey
	case r < float64(s.spec.Tombstones+s.spec.Earlier):
		return updatesKey
	}
	return newKey
}

// content returns the compiled contents of a record.
func (s *stream) content(n int64) *rowContent {
	if len(s.rows) == 0 {
		return &s.record
	}
	return &s.rows[min(n, int64(len(s.rows)-1))]
}

func (r *renderer) headers(w *worker, b *Batch, f *frame, s *slot, content *rowContent, about *rendered, rec *Record, id []byte) {
	first := len(b.headers)
	if r.events {
		b.headers = append(b.headers, about.fixed...)
		start := len(b.buf)
		b.buf = append(b.buf, about.prefix...)
		if s.n >= 0 {
			b.buf = w.number.append(b.buf, s.n)
		} else {
			b.buf = r.plan.streams[s.stream].appendNumber(b.buf, s.n, 0, 0)
		}
		if s.step > 0 {
			b.buf = appendInt(append(b.buf, '.'), int64(s.step))
		}
		middle := len(b.buf)
		b.buf = w.clock.append(b.buf, s.at)
		last := len(b.headers)
		if !about.noTime {
			last--
			b.headers[last].Value = b.buf[middle:len(b.buf):len(b.buf)]
		}
		if !about.noID {
			b.headers[last-1].Value = b.buf[start:middle:middle]
		}
	}
	b.headers = about.appendIDs(b.headers, rec, id)
	for _, h := range content.headers {
		if h.absent != nil && h.absent(w, f) {
			continue
		}
		out := Header{Key: h.name}
		if h.null == nil || !h.null(w, f) {
			start := len(b.buf)
			b.buf = h.value(w, f, b.buf)
			out.Value = b.buf[start:len(b.buf):len(b.buf)]
		}
		b.headers = append(b.headers, out)
	}
	if r.tags && s.fault != noFault {
		b.headers = append(b.headers, Header{Key: FaultHeader, Value: []byte(s.fault.String())})
	}
	rec.Headers = b.headers[first:len(b.headers):len(b.headers)]
}

// appendIDs appends the headers with the IDs of a record's schemas. id replaces that of
// the value, unless it is nil.
func (r *rendered) appendIDs(headers []Header, rec *Record, id []byte) []Header {
	if rec.Key != nil {
		headers = append(headers, r.keyID...)
	}
	if rec.Value == nil || r.valueID == nil {
		return headers
	}
	headers = append(headers, r.valueID...)
	if id != nil {
		headers[len(headers)-1].Value = id
	}
	return headers
}
