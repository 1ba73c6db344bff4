package inspect

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"inv/internal/kafka/fetch"
)

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
	if t.decoding != nil {
		t.undecoded(r, t.decoding.decode(r, func() { _ = t.flush() })) // the next write fails, too, and reports it
	}
}

// undecoded reports an error of decoding, once for each kind.
func (t *tail) undecoded(r *Record, err error) {
	if errors.Is(err, context.Canceled) { // the run is ending
		return
	}
	t.reported.Report(r.Topic, err, func(err error) {
		t.unreadable(fmt.Errorf("%s p%d@%d: %w", r.Topic, r.Partition, r.Offset, err))
	})
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
