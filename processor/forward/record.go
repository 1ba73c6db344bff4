package forward

import (
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	"inv/internal/deadletter"
	"inv/internal/event"
	"inv/internal/jsonscan"
	"inv/internal/kafka/fetch"
	"inv/internal/registry"

	"github.com/twmb/franz-go/pkg/kgo"
)

// taken is a record as the loop needs it: what can be computed before its turn.
type taken struct {
	*Record
	size int
	drop bool   // by where
	lane string // or the group's value
	err  error  // refuses it
}

// What a record takes in memory beside its bytes, about, and each header.
const (
	recordOverhead = 300
	headerOverhead = 40
)

// preparer makes records of what was fetched. It is used by one goroutine.
type preparer struct {
	cfg     *Config
	grouped bool
	laned   bool              // a Sender's
	topics  map[string]*topic // by name
	text    []byte
	copies  copies
}

// awayError says from which offset on records can't be decoded for the time being.
type awayError struct {
	from int64
	err  error
}

// batch is what was fetched of a partition.
type batch struct {
	id      fetch.ID
	epoch   int     // of the assignment, or of the last seek in it
	records []taken // in order
	bytes   int
	next    int64 // everything before was read
	end     int64 // of what can be read, as of the fetch
	away    *awayError
}

// prepare makes a batch of copies, decodes values and evaluates the functions of the Config.
func (p *preparer) prepare(id fetch.ID, records []*kgo.Record) *batch {
	b := &batch{id: id, next: -1, records: make([]taken, 0, len(records))}
	topic := p.topics[id.Topic]
	p.copies.records = nil // of a run that was not finished
	for i, r := range records {
		if r.Attrs.IsControl() {
			b.next = r.Offset + 1
			continue
		}
		t := taken{Record: p.copies.next(records[i:]), size: recordOverhead + len(r.Key) + len(r.Value)}
		for _, h := range r.Headers {
			t.size += headerOverhead + len(h.Key) + len(h.Value)
		}
		p.origin(t.Record, topic)
		if err := p.evaluate(&t); err != nil {
			b.away = &awayError{r.Offset, err}
			return b
		}
		b.records = append(b.records, t)
		b.bytes += t.size
		b.next = r.Offset + 1
	}
	return b
}

// origin sets what a record stands for: one that was replayed for another one.
func (p *preparer) origin(to *Record, t *topic) {
	to.Alias = t.alias
	if !t.retry {
		return
	}
	header := func(key string) string {
		value, _ := event.Header(to.Headers, key)
		return string(value)
	}
	partition, err1 := strconv.ParseInt(header(event.HeaderDLQPartition), 10, 32)
	offset, err2 := strconv.ParseInt(header(event.HeaderDLQOffset), 10, 64)
	name := header(event.HeaderDLQTopic)
	if name == "" || errors.Join(err1, err2) != nil || partition < 0 || offset < 0 {
		return // it stands for itself
	}
	to.Topic, to.Partition, to.Offset = name, int32(partition), offset
	to.Recipient = header(event.HeaderDLQRecipient)
	if of := p.topics[name]; of != nil {
		to.Alias = of.alias
	}
}

// evaluate decodes a record and computes what the loop asks of it. The error is that of a
// registry that does not answer.
func (p *preparer) evaluate(t *taken) error {
	if !p.cfg.decodes() {
		t.setLane(p.laned, nil, false)
		return nil
	}
	if err := p.decodeKey(t); err != nil || t.err != nil {
		return err
	}
	if err := p.decode(t); err != nil || t.err != nil {
		return err
	}
	if p.cfg.Where != nil {
		holds, err := p.cfg.Where(t.Record)
		if t.drop, t.err = err == nil && !holds, err; err != nil || !holds {
			return nil
		}
	}
	by := p.cfg.Lane
	if p.grouped {
		by = p.cfg.Group.By
	}
	if by == nil {
		t.setLane(p.laned, nil, false)
		return nil
	}
	text, ok, err := by(p.text[:0], t.Record)
	if t.err = err; err == nil {
		p.text = text
		t.setLane(p.laned && !p.grouped, text, ok)
	}
	return nil
}

// setLane sets the lane, or the value of the group. A key and the absence of one are
// different lanes.
func (t *taken) setLane(laned bool, text []byte, ok bool) {
	switch {
	case ok && laned:
		t.lane = "=" + string(text)
	case ok:
		t.lane = string(text)
	case laned && t.Key != nil:
		t.lane = "k" + string(t.Key)
	}
}

// decodeKey makes the key of a topic with a format its text.
func (p *preparer) decodeKey(t *taken) error {
	if p.cfg.Schemas.Schema(t.Topic, true) == nil {
		return nil
	}
	key, err := p.cfg.Schemas.Key(nil, &kgo.Record{Topic: t.Topic, Key: t.Key, Headers: t.Headers})
	if err != nil {
		return t.undecoded(err)
	}
	t.Key, t.rawKey = key, t.Key
	return nil
}

func (p *preparer) decode(t *taken) error {
	if t.Value == nil {
		return nil
	}
	value, err := p.cfg.Schemas.Value(nil, &kgo.Record{Topic: t.Topic, Value: t.Value, Headers: t.Headers})
	var upgrade *registry.UpgradeError
	switch {
	case err == nil:
	case p.cfg.Schemas.Schema(t.Topic, false) != nil || errors.As(err, &upgrade) || registry.Away(err):
		return t.undecoded(err)
	default:
		return nil // it is not JSON, which may be no error
	}
	if _, ok := jsonscan.Valid(value); ok {
		t.JSON = jsonscan.TrimMark(value)
	}
	return nil
}

// undecoded refuses a record, or returns the error if the registry does not answer.
func (t *taken) undecoded(err error) error {
	if registry.Away(err) {
		return err
	}
	t.err = &RecordError{Reason: string(registry.Reason(err)), Err: err}
	return nil
}

// bytesOfKey returns the key as it is on the topic.
func (r *Record) bytesOfKey() []byte {
	if r.rawKey != nil {
		return r.rawKey
	}
	return r.Key
}

// single returns the cut of one record.
func (l *loop) single(r *Record) *Cut {
	id := hashOf(l.group, "", Place{r.Topic, r.Partition, r.Offset}.String(), r.Recipient)
	return &Cut{ID: hex.EncodeToString(id[:16]), Records: []*Record{r}}
}

// letter makes the dead letter of a record.
func (l *loop) letter(r *Record, why refusal) *kgo.Record {
	headers := []kgo.RecordHeader{{Key: event.HeaderDLQReplayTo, Value: []byte(l.retryTopic)}}
	if recipient := why.recipient; recipient != "" || r.Recipient != "" {
		if recipient == "" {
			recipient = r.Recipient
		}
		headers = append(headers, kgo.RecordHeader{Key: event.HeaderDLQRecipient, Value: []byte(recipient)})
	}
	original := &kgo.Record{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: time.UnixMilli(r.Time), Key: r.bytesOfKey(), Value: r.Value, Headers: r.Headers}
	return deadletter.New(original, deadletter.Refusal{
		Topic: l.deadTopic, Stage: "forward-" + l.cfg.Name, Reason: why.reason, Message: l.cfg.Hide(why.err).Error(),
		Headers: headers, MaxBytes: l.deadMax,
	})
}

// refusalOf returns the refusal of a record by an error of a function of the Config, or
// of [Sender].Compose.
func refusalOf(err error) refusal {
	var poison *RecordError
	if errors.As(err, &poison) {
		return refusal{record: poison.Record, reason: poison.Reason, err: poison.Err}
	}
	return refusal{reason: Expression, err: err}
}
