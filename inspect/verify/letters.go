package verify

import (
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"strconv"
	"strings"

	"inv/internal/event"
	partitions "inv/internal/kafka/partition"

	"github.com/twmb/franz-go/pkg/kgo"
)

// letter is the dead letter of one input record: what must be as in the record, in
// hashes.
type letter struct {
	at      place // in the dead-letter topic
	reason  event.Reason
	written int64 // dlq-timestamp, in epoch ms, or noTime or badTime
	key     uint64
	value   uint64
	size    int    // of the value, in bytes
	length  int    // of the value before it was cut; whole if it is not cut
	headers uint64 // those that are not of the letter itself
	behind  uint64 // the same, if dlq-truncated, the last of them, is the record's own
	bare    bool   // it has neither key, value nor headers of the record
}

// whole is the length of a value that is not cut.
const whole = -1

// Values of letter.written that are no time.
const (
	noTime  = math.MinInt64 // there is no such header, or it is empty
	badTime = math.MinInt64 + 1
)

// letters are the dead letters by the records that they are of. Parsers look them up
// once all have been read.
type letters struct {
	number map[place]int32
	all    []letter
	met    []bool // the record was read, too

	replayed map[place]bool // letters whose records were put back, by their own places
}

// of returns the letter of a record and its number, nil if there is none.
func (l *letters) of(at place) (*letter, int32) {
	if len(l.all) == 0 {
		return nil, 0
	}
	n, ok := l.number[at]
	if !ok {
		return nil, 0
	}
	return &l.all[n], n
}

func (l *letters) add(from place, row *letter) {
	if l.number == nil {
		l.number = map[place]int32{}
	}
	l.number[from] = int32(len(l.all))
	l.all = append(l.all, *row)
	l.met = append(l.met, false)
}

func (l *letters) putBack(at place) {
	if l.replayed == nil {
		l.replayed = map[place]bool{}
	}
	l.replayed[at] = true
}

// flaw is something that is wrong with a letter.
type flaw struct{ expected, seen string }

// letterRow is a dead letter.
type letterRow struct {
	letter
	from   place
	known  bool // it says where it is from
	other  bool // it is of a topology that the audit is not about
	flaws  []flaw
	keyed  bool   // it has a key,
	spread uint32 // from whose hash its partition follows
}

// letterHeaders are the headers that a letter has of itself, before the record's own.
var letterHeaders = [...]string{event.HeaderDLQTopic, event.HeaderDLQPartition, event.HeaderDLQOffset, event.HeaderDLQTimestamp,
	event.HeaderDLQStage, event.HeaderDLQReason, event.HeaderDLQMessage, event.HeaderDLQTruncated}

// ownHeaders returns how many of the headers are the letter's.
func ownHeaders(headers []kgo.RecordHeader) int {
	saw := 0
	for n := range headers {
		bit := 0
		for i, name := range letterHeaders {
			if headers[n].Key == name {
				bit = 1 << i
			}
		}
		if bit == 0 || saw&bit != 0 {
			return n
		}
		saw |= bit
	}
	return len(headers)
}

func (p *parser) readLetter(r *kgo.Record, row *letterRow) {
	header := func(name string) string {
		value, _ := event.FirstHeader(r.Headers, name)
		return string(value)
	}
	partition, ok1 := number(header(event.HeaderDLQPartition), 31)
	offset, ok2 := number(header(event.HeaderDLQOffset), 63)
	row.from = place{strings.TrimSuffix(r.Topic, deadLetters("")), int32(partition), offset}
	row.known = ok1 && ok2 && header(event.HeaderDLQTopic) == row.from.topic
	own := ownHeaders(r.Headers)
	row.letter = letter{
		at: placeOf(r), reason: event.Reason(bounded(header(event.HeaderDLQReason), mostReason)), written: writtenAt(r.Headers),
		key: p.bytesHash(r.Key), value: p.bytesHash(r.Value), size: len(r.Value), length: whole,
		headers: p.headersHash(r.Headers[own:]), bare: own == len(r.Headers) && r.Key == nil && r.Value == nil,
	}
	if _, cut := event.FirstHeader(r.Headers[:own], event.HeaderDLQTruncated); cut {
		row.length = 0 // which no value has that is cut
		if n, ok := number(header(event.HeaderDLQTruncated), 31); ok {
			row.length = int(n)
		}
		if r.Headers[own-1].Key == event.HeaderDLQTruncated {
			row.behind = p.headersHash(r.Headers[own-1:])
		}
	}
	if row.keyed, row.spread = r.Key != nil, partitions.Hash(r.Key); p.o.App != "" {
		p.ownLetter(r, row, header)
	}
}

// writtenAt returns what dlq-timestamp says.
func writtenAt(headers []kgo.RecordHeader) int64 {
	value, _ := event.FirstHeader(headers, event.HeaderDLQTimestamp)
	if len(value) == 0 {
		return noTime
	}
	if ms, err := strconv.ParseInt(string(value), 10, 64); err == nil && strconv.FormatInt(ms, 10) == string(value) {
		return ms
	}
	return badTime
}

// mostMessage bounds dlq-message, and mostReason what is kept of other headers, in
// bytes.
const mostMessage, mostReason = 1 << 10, 64

// stages are those whose letters the audit is about. Declared topologies read the same
// topics, and have their dead letters in the same places; without a letter of these stages
// an input is missing.
var stages = [...]string{"ingest", "ledger", "procurement"}

// ownLetter checks the headers that this program's letters always have, as far as
// they don't depend on the record.
func (p *parser) ownLetter(r *kgo.Record, row *letterRow, header func(string) string) {
	differ := func(expected, seen string) { row.flaws = append(row.flaws, flaw{expected, seen}) }
	for _, name := range letterHeaders[:len(letterHeaders)-1] {
		if _, there := event.FirstHeader(r.Headers, name); !there {
			differ("a header "+name, "none")
		}
	}
	stage, want := header(event.HeaderDLQStage), p.stageOf(row.from.topic)
	if row.other = stage != "" && !slices.Contains(stages[:], stage); row.other {
		return
	}
	if want != "" && stage != want && stage != "" {
		differ("dlq-stage "+want, "dlq-stage "+bounded(stage, mostReason))
	}
	if n := len(header(event.HeaderDLQMessage)); n > mostMessage {
		differ(fmt.Sprintf("dlq-message of at most %d bytes", mostMessage), fmt.Sprintf("%d bytes", n))
	}
	for _, name := range []string{event.HeaderDLQTimestamp, event.HeaderDLQStage, event.HeaderDLQMessage} {
		if value, there := event.FirstHeader(r.Headers, name); there && len(value) == 0 {
			differ("a "+name, "an empty one")
		}
	}
}

// stageOf returns the stage that decides a topic's records, "" if it is not known.
func (p *parser) stageOf(topic string) string {
	switch {
	case topic != p.o.Topics.Reorders || p.o.Policy == PolicyReference:
		return "ingest"
	case p.o.Procurement:
		return "procurement"
	}
	return ""
}

// number reads a number from 0 of so many bits, without sign or leading zeros.
func number(s string, bits int) (int64, bool) {
	n, err := strconv.ParseUint(s, 10, bits)
	return int64(n), err == nil && (s == "0" || !strings.HasPrefix(s, "0"))
}

// bounded returns at most so many bytes of a text, without holding on to the rest.
func bounded(s string, most int) string { return strings.Clone(s[:min(len(s), most)]) }

// bytesHash returns a hash that sets null apart from empty.
func (p *parser) bytesHash(b []byte) uint64 {
	if b == nil {
		return 0
	}
	return maphash.Bytes(p.seed, b) | 1
}

func (p *parser) headersHash(headers []kgo.RecordHeader) uint64 {
	h := &p.hash
	h.SetSeed(p.seed)
	for i := range headers {
		p.scratch = strconv.AppendInt(p.scratch[:0], int64(len(headers[i].Key)), 10)
		p.scratch = strconv.AppendInt(append(p.scratch, ' '), int64(len(headers[i].Value)), 10)
		p.scratch = append(p.scratch, ' ')
		h.Write(p.scratch)
		h.WriteString(headers[i].Key)
		h.Write(headers[i].Value)
	}
	return h.Sum64()
}

// letter records a dead letter.
func (a *auditor) letter(row *letterRow) {
	if row.other {
		return
	}
	a.counts.DeadLettered++
	if !row.known {
		a.note(checkOnce, Finding{Where: row.at.String(), Expected: "dlq-topic, dlq-partition and dlq-offset of a record of " + strings.TrimSuffix(row.at.topic, deadLetters("")), Seen: "no such headers"})
		return
	}
	if earlier, _ := a.letters.of(row.from); earlier != nil {
		a.note(checkOnce, Finding{Where: row.at.String(), Expected: row.from.String() + " accounted for once", Seen: "dead-lettered at " + earlier.at.String() + ", too"})
		return
	}
	for _, f := range row.flaws {
		a.note(checkInput, Finding{Where: row.at.String(), Expected: f.expected, Seen: f.seen})
	}
	if row.keyed && a.o.App != "" {
		a.placed(row.at, "", row.spread, true)
	}
	a.letters.add(row.from, &row.letter)
}

func reasonOf(err error) event.Reason {
	var e *event.Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}
