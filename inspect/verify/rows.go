package verify

import (
	"hash/maphash"
	"strings"

	"inv/internal/event"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Parsing a value costs several times as much as judging it and needs no state, so
// batches of records are parsed into rows concurrently, and the rows are judged in
// the order of the records.

// batch is records of one kind, of one part of one partition.
type batch interface {
	// begin makes it empty. Rows are added, finished and judged by one goroutine
	// at a time.
	begin(p *parser)
	add(p *parser, r *kgo.Record)
	judge(a *auditor)
}

// rows is a batch whose records are read into a T each.
type rows[T any] struct {
	read func(p *parser, r *kgo.Record, row *T)
	take func(a *auditor, row *T)
	held held
	all  []T
}

// held is the memory that rows refer to.
type held struct {
	texts strings.Builder
	lines []lineRow
	room  int // that texts need, by what was there before
}

// text is a part of held's texts.
type text struct{ at, size uint32 }

func (b *rows[T]) begin(p *parser) {
	h := &b.held
	b.all, h.lines, h.room = b.all[:0], h.lines[:0], max(h.room, h.texts.Len())
	h.texts.Reset() // a text that a product or a finding keeps is not written over
	h.texts.Grow(h.room)
	p.held = h
}

func (b *rows[T]) add(p *parser, r *kgo.Record) {
	var empty T
	b.all = append(b.all, empty)
	p.decode(r)
	b.read(p, r, &b.all[len(b.all)-1])
}

func (b *rows[T]) judge(a *auditor) {
	a.texts, a.linesRead = b.held.texts.String(), b.held.lines
	for i := range b.all {
		b.take(a, &b.all[i])
	}
}

// parser reads records into rows. Each goroutine that does has its own.
type parser struct {
	o       *Options
	seed    maphash.Seed
	letters *letters // complete when inputs are read
	held    *held    // of the batch being read
	decoder *fetch.Decoder
	record  kgo.Record
	// key and value are those of the record being read, see decode.
	key, value  []byte
	encoded     bool  // the value is not the record's bytes
	broken      error // why the value can't be decoded
	away        error // the registry did not answer: the audit can't go on
	keyRoom     []byte
	valueRoom   []byte
	content     []byte // see input
	contentRoom []byte
	ownContent  uint64 // what makes a record a copy, by its bytes
	order       event.Order
	update      event.Update
	reorder     event.Reorder
	alert       event.Alert
	hash        maphash.Hash
	scratch     []byte

	appendTime bool   // the record's timestamp is the broker's
	id, time   []byte // of the record, as its headers should have them
	day        int64  // of time, from 1; 0: unknown
}

func newParser(a *auditor) *parser {
	return &parser{o: &a.o, seed: a.seed, letters: &a.letters, decoder: fetch.NewDecoder()}
}

// keep copies a text that outlives the record.
func (p *parser) keep(s string) text {
	at := p.held.texts.Len()
	p.held.texts.WriteString(s)
	return text{uint32(at), uint32(len(s))}
}

// text returns a text of the batch being judged.
func (a *auditor) text(t text) string { return a.texts[t.at : t.at+t.size] }

// name is an id with its hash.
type name struct {
	text
	hash uint64
}

func (p *parser) name(id string) name { return name{p.keep(id), maphash.String(p.seed, id)} }

// writer is the application that wrote an output.
type writer struct {
	named bool
	other string // "" if it is the application that is expected
}

func (p *parser) writer(r *kgo.Record) writer {
	value, ok := event.Header(r.Headers, event.HeaderSource)
	if !ok || p.o.App == "" {
		return writer{}
	}
	if string(value) == p.o.App {
		return writer{named: true}
	}
	return writer{true, string(value)}
}

// inputRow is the part that every input has.
type inputRow struct {
	at       place
	time     int64        // Kafka's, epoch ms
	reason   event.Reason // why its value is to be refused, if it is
	value    uint64       // its hash
	content  uint64       // of what makes it a copy of another one, and of its dlq-replay header
	replayed bool         // it has that header
	marks    marks
	rejudged *rejudged // of a record that was dead-lettered
	putBack  *place    // the dead letter that it was replayed from
}

// input reads what every input has. check is asked of one that is no tombstone
// and has a version that is known; it may set the parser's content, by which records of a
// topic with several encodings are equal.
func (p *parser) input(r *kgo.Record, row *inputRow, check func() error) {
	row.at, row.time, row.marks = placeOf(r), r.Timestamp.UnixMilli(), present
	if r.Value == nil {
		row.marks |= tombstone
		return
	}
	row.value = maphash.Bytes(p.seed, r.Value)
	var replayedFrom uint64
	// A record that was put back is set apart from the one that was refused.
	if replay, _ := event.Header(r.Headers, event.HeaderDLQReplay); len(replay) > 0 {
		row.replayed = true
		if from, err := event.ParsePlace(string(replay)); err == nil && from.Topic == deadLetters(r.Topic) {
			row.putBack = &place{deadLetters(r.Topic), from.Partition, from.Offset}
		}
		replayedFrom = maphash.Bytes(p.seed, replay) * 0x9e3779b97f4a7c15
	}
	err := p.o.Schemas.Upgrades(r.Topic).CheckVersion(r.Headers)
	if err == nil {
		err = p.broken
	}
	p.content = nil
	if err == nil {
		err = check()
	}
	p.ownContent = row.value ^ replayedFrom
	if row.content = p.ownContent; p.content != nil {
		row.content = maphash.Bytes(p.seed, p.content) ^ replayedFrom
	}
	if err != nil {
		row.reason = reasonOf(err)
		row.marks |= unsound
	}
}
