package declared

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"inv/processor"
)

// What the keys of the changelog begin with.
const (
	stateKey  = "k/" // KEY
	windowKey = "w/" // START/KEY
	layoutKey = "v/" // ID
	metaKey   = "m/"
)

// changelog is what a Machine knows of its changelog but the states.
type changelog struct {
	raw    map[string][]byte // the values of the other records, by key, as of the last commit
	meta   []byte            // of the transaction
	digest processor.Digest  // of all records, as of the last commit
	sealed processor.Digest  // of the transaction's state, once it is sealed
	lowest int64             // log offset of a line that was held at the start; -1: none
}

// Digest returns the digest of the changelog, with what the transaction has sealed.
func (m *Machine) Digest() processor.Digest { return m.sealed }

// Applied returns the last log offset that the state includes, -1 if there is none.
func (m *Machine) Applied() int64 { return m.applied }

// Counts returns what there is.
func (m *Machine) Counts() Counts {
	c := m.counts
	c.Keys = int64(m.committed.Len())
	return c
}

var errChangelog = errors.New("a record that is not of a declared topology's changelog")

// Restore takes a record of the changelog; value is nil for a tombstone. They must come in
// their order. It keeps neither.
func (m *Machine) Restore(key, value []byte) error {
	switch {
	case bytes.HasPrefix(key, []byte(stateKey)) && m.windows == noWindows:
		return m.restoreState(key[len(stateKey):], value, nil)
	case bytes.HasPrefix(key, []byte(windowKey)) && m.windows != noWindows:
		text, name, ok := bytes.Cut(key[len(windowKey):], []byte("/"))
		start, err := strconv.ParseInt(string(text), 10, 64)
		if !ok || err != nil {
			return fmt.Errorf("%w: the key is %.100q", errChangelog, key)
		}
		m.id = m.appendID(m.id[:0], start, name)
		return m.restoreState(m.id, value, &start)
	case bytes.HasPrefix(key, []byte(layoutKey)) && value != nil:
		l, err := parseLayout(value)
		if err != nil {
			return err
		}
		m.layouts[l.ID] = l
		m.raw[string(key)] = bytes.Clone(value)
		return nil
	case string(key) == metaKey && value != nil:
		m.raw[metaKey] = bytes.Clone(value)
		return nil
	}
	return fmt.Errorf("%w: the key is %.100q", errChangelog, key)
}

// restoreState takes a state. A window's start is in its key, and must be in its state.
func (m *Machine) restoreState(id, value []byte, start *int64) error {
	if value != nil {
		if since, err := sinceOf(value); err != nil || start != nil && since != *start {
			return errors.Join(errState, err)
		}
		m.committed.Put(borrowed(id), value)
		return nil
	}
	if m.windows == sessions { // the key may have another session since
		if encoded, ok := m.committed.Get(borrowed(id)); ok {
			if since, err := sinceOf(encoded); err != nil || since != *start {
				return err
			}
		}
	}
	m.committed.Delete(borrowed(id))
	return nil
}

// sinceOf returns the since of an encoded state.
func sinceOf(encoded []byte) (int64, error) {
	d := decoder{b: encoded}
	if d.byte() != stateFormat {
		return 0, errState
	}
	d.uvarint()
	newest := d.varint()
	since := newest - d.varint()
	if d.wrong {
		return 0, errState
	}
	return since, nil
}

// Restored ends the restoring, and checks what was restored. If lines wait for their time,
// again is true, and the records of the log from one offset to another must be given to
// Hold.
func (m *Machine) Restored() (from, to int64, again bool, err error) {
	if err := m.restoreMeta(); err != nil {
		return 0, 0, false, err
	}
	if m.raw[m.layoutKey()] == nil {
		delete(m.layouts, m.layout.ID) // it is not in the changelog yet
	}
	if err := m.layout.settle(m.layouts); err != nil {
		return 0, 0, false, fmt.Errorf("topology %s: %w", m.topology.Name, err)
	}
	m.committed.Each(func(id, value []byte) {
		if err == nil {
			err = m.restoredState(id, value)
		}
	})
	if err != nil {
		return 0, 0, false, err
	}
	m.due.settle()
	for key, value := range m.raw {
		m.digest.Add(processor.Fingerprint([]byte(key), value))
	}
	m.before, m.sealed, m.sealedCounts = m.applied, m.digest, m.counts
	m.clock.save()
	return m.lowest, m.applied, m.lowest >= 0, nil
}

// restoredState checks a state, counts it, and queues what is due for it.
func (m *Machine) restoredState(id, value []byte) error {
	s := &m.head
	if err := s.parse(value, m.layouts, true); err != nil {
		return fmt.Errorf("key %s: %w", quoted(m.keyOf(id)), err)
	}
	if err := m.checkVersion(s); err != nil {
		return err
	}
	m.scratch = m.appendLogKey(m.scratch[:0], id, s.since)
	m.digest.Add(processor.Fingerprint(m.scratch, value))
	m.counts.Bytes += int64(len(id) + len(value))
	m.counts.Timers += s.running()
	switch {
	case m.windows != noWindows:
		m.due.add(m.end(s), dueWindow, 0, id)
	case m.ttl > 0:
		m.due.add(s.newest+m.ttl, dueExpiry, 0, id)
	}
	for i := range m.layout.Timers {
		if t := m.timerOf(s, i); t != nil && t.status == timerRunning {
			m.due.add(t.due, dueTimer, i, id)
		}
	}
	return nil
}

// Hold takes a record of the log again of which lines may wait for their time.
func (m *Machine) Hold(offset int64, lines []byte) error {
	defer func() {
		m.held.commit() // a rollback keeps them
		m.counts.Held = int64(len(m.held.items))
	}()
	return eachLine(lines, func(text []byte) error {
		if IsTick(text) {
			return nil
		}
		if err := m.parse(text); err != nil {
			return err
		}
		if l := &m.line; !m.clock.known || l.Time >= m.clock.time {
			m.held.add(l, m.clock.at(l.Topic, l.Partition), offset)
		}
		return nil
	})
}

// Seal gives log the records by which the transaction changes the changelog; a nil value
// is a tombstone. Both are valid until Commit or Rollback.
func (m *Machine) Seal(log func(key, value []byte) error) error {
	m.sealed, m.sealedCounts = m.digest, m.counts
	if !m.dirty {
		return nil
	}
	m.sealedCounts.Late += m.late
	m.sealedCounts.Held = int64(len(m.held.items))
	if key := m.layoutKey(); m.raw[key] == nil {
		if err := m.log(log, []byte(key), m.layout.encode()); err != nil {
			return err
		}
	}
	for _, w := range m.touched {
		if !w.changed {
			continue
		}
		if err := m.sealInstance(w, log); err != nil {
			return err
		}
	}
	if old := m.raw[metaKey]; old != nil {
		m.sealed.Remove(processor.Fingerprint([]byte(metaKey), old))
	}
	m.meta = m.appendMeta(m.meta[:0])
	return m.log(log, []byte(metaKey), m.meta)
}

func (m *Machine) layoutKey() string { return layoutKey + strconv.Itoa(m.layout.ID) }

// log gives a record that is not a tombstone.
func (m *Machine) log(log func(key, value []byte) error, key, value []byte) error {
	m.sealed.Add(processor.Fingerprint(key, value))
	return log(key, value)
}

// sealInstance gives the records of an instance.
func (m *Machine) sealInstance(w *instance, log func(key, value []byte) error) error {
	exists := w.cur != nil && w.cur.exists
	c := &m.sealedCounts
	if before := &w.before; before.exists {
		m.sealed.Remove(before.print)
		c.Bytes -= int64(len(w.id) + before.size)
		c.Timers -= before.running
		if !exists || w.cur.since != before.since && m.windows == sessions {
			if err := log(m.appendLogKey(m.mem.alloc(len(w.id)+32), w.id, before.since), nil); err != nil {
				return err
			}
		}
	}
	if !exists {
		return nil
	}
	m.scratch = w.cur.append(m.scratch[:0], &m.kept)
	w.encoded = m.mem.copy(m.scratch)
	c.Bytes += int64(len(w.id) + len(w.encoded))
	c.Timers += w.cur.running()
	return m.log(log, m.appendLogKey(m.mem.alloc(len(w.id)+32), w.id, w.cur.since), w.encoded)
}

// Commit makes the transaction's states the committed ones. It must have been sealed.
func (m *Machine) Commit() {
	for _, w := range m.touched {
		switch {
		case !w.changed:
			m.committed.SetMark(w.at, 0)
		case w.cur == nil || !w.cur.exists:
			m.committed.Delete(borrowed(w.id))
		default:
			m.committed.Replace(w.at, borrowed(w.id), w.encoded)
		}
	}
	if m.dirty {
		m.raw[metaKey] = append(m.raw[metaKey][:0], m.meta...)
		if key := m.layoutKey(); m.raw[key] == nil {
			m.raw[key] = m.layout.encode()
		}
	}
	m.before, m.digest, m.counts = m.applied, m.sealed, m.sealedCounts
	m.clock.save()
	m.held.commit()
	m.reset()
	m.due.commit(m.holds)
}

// holds reports when what an entry means is due, for entries of committed states.
func (m *Machine) holds(e *dueEntry, id []byte) (int64, bool) {
	at, ok, err := m.dueAt(e, id)
	if err != nil {
		return e.time, true // happen reports it
	}
	return at, ok && (e.kind != dueTimer || at == e.time)
}

// Rollback drops what was applied since the last commit.
func (m *Machine) Rollback() {
	m.applied, m.sealed = m.before, m.digest
	m.clock.rollback()
	m.held.rollback()
	m.due.rollback()
	for _, w := range m.touched {
		m.committed.SetMark(w.at, 0)
	}
	m.reset()
}

func (m *Machine) reset() {
	m.dirty, m.late = false, 0
	clear(m.added)
	clear(m.touched)
	m.touched, m.stepped = m.touched[:0], m.stepped[:0]
	m.instances.reset()
	m.states.reset()
	m.mem.reset()
	m.pending.reset()
}
