package declared

import (
	"errors"
	"sync/atomic"

	"inv/internal/event"
	"inv/internal/registry"
	"inv/processor"
	"inv/processor/stage"
)

// writer writes the outputs of a topology. It is for the goroutine of the stage's loop.
type writer struct {
	program *Program
	emits   []emitTopic
	tx      *stage.Tx // whose outputs emits has; nil: none
	headers []byte
}

// emitTopic is where the outputs of an emit go.
type emitTopic struct {
	topic    string
	room     int // bytes of a batch
	format   processor.Format
	times    processor.Times
	envelope *event.Envelopes
	total    *atomic.Int64
	out      stage.Output
	written  int64 // in the transaction in progress
}

func newWriter(env processor.Env, p *Program) *writer {
	w := &writer{program: p}
	for i := range p.Topology.Emit {
		e := &p.Topology.Emit[i]
		topic := env.Topic(e.To)
		format := env.Format(e.To).Checked()
		w.emits = append(w.emits, emitTopic{
			topic: topic, room: env.MaxBatch(topic), format: format, times: env.Times(topic), total: env.Counter(kindOf(e.To)),
			envelope: event.NewEnvelopes(p.EventType(i), env.App, format.ContentType(), format.Headers()...),
		})
	}
	return w
}

// outputFrame is more than an output takes in a batch of its own beside its texts and the
// application's id: the batch's frame, the names of headers and lengths.
const outputFrame = 1 << 10

// take is the [Takes] of the topology's topics.
func (w *writer) take(o *Output, room []byte) ([]byte, error) {
	e := &w.emits[o.Emit]
	key, value, room, err := e.format.Encode(room, o.Key, o.Value)
	if err != nil {
		return room, w.program.misfit(o.Emit, err)
	}
	o.Key, o.Value = key, value
	if n := len(o.Key) + len(o.Value) + len(o.ID) + outputFrame; n > e.room {
		return room, refused(event.TooLarge, "an output of %d bytes; the topic %s accepts %d", n, e.topic, e.room)
	}
	return room, nil
}

// misfit returns the error of an output that does not fit the schemas of its topic, given a
// *processor.MisfitError: one of the field's expression, or of the emit.
func (p *Program) misfit(emit int, err error) error {
	e := &p.Topology.Emit[emit]
	at := e.Pos
	var misfit *processor.MisfitError
	if errors.As(err, &misfit) && !misfit.Key {
		at = e.FieldPos(registry.PathOf(err))
	}
	return &ExpressionError{p.scenario.File, at, err}
}

// begin prepares for the outputs of a transaction.
func (w *writer) begin(tx *stage.Tx) error {
	if w.tx == tx {
		return nil
	}
	for i := range w.emits {
		out, err := tx.Output(w.emits[i].topic)
		if err != nil {
			return err
		}
		w.emits[i].out = out
	}
	w.tx = tx
	return nil
}

// write writes an output in the transaction that has begun.
func (w *writer) write(o *Output) {
	e := &w.emits[o.Emit]
	w.headers = e.envelope.Append(w.headers[:0], o.ID, o.Time)
	keyed := o.Key
	if keyed == nil {
		keyed = o.ID // any partition, the same in each replay
	}
	e.out.Append(e.out.PartitionFor(keyed), e.times.Record(o.Time, w.tx.Now()), o.Key, o.Value, w.headers)
	e.written++
}

// commit publishes what the transaction has written.
func (w *writer) commit() {
	for i := range w.emits {
		w.emits[i].total.Add(w.emits[i].written)
	}
	w.rollback()
}

func (w *writer) rollback() {
	w.tx = nil
	for i := range w.emits {
		w.emits[i].written = 0
	}
}
