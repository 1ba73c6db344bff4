package declared

import (
	"encoding/binary"
	"strconv"
	"unsafe"

	"inv/processor"
	"inv/processor/stage"
)

// instance is a key, or a window of a key, that a transaction works on.
type instance struct {
	id   []byte // in memory: see instanceID
	name []byte // the key; a part of id
	// cur is the state; nil: a key that has expired, and that no step has needed. was is that
	// before the step, of an instance that is in one.
	cur, was *state

	at      stage.Ref   // of the committed state, if there is one
	before  inChangelog // as of the last commit
	changed bool        // there is something to write
	encoded []byte
}

// inChangelog is what the changelog has of an instance. It is noted when the instance is
// looked up, since by the end of a large transaction its text has left the CPU's cache.
type inChangelog struct {
	exists  bool
	since   int64  // of the state, epoch ms
	size    int    // of the encoded state, in bytes
	running int64  // timers
	print   uint64 // fingerprint
}

// note notes the instance's state in the changelog: s and what it was decoded from.
func (m *Machine) note(w *instance, s *state, encoded []byte) {
	m.scratch = m.appendLogKey(m.scratch[:0], w.id, s.since)
	w.before = inChangelog{true, s.since, len(encoded), s.running(), processor.Fingerprint(m.scratch, encoded)}
}

// startBytes is how long the start of a window is in an instance's id.
const startBytes = 8

// appendID appends what finds an instance: the window's start, if the topology has windows
// with starts of their own, and the key. A key has at most one session.
func (m *Machine) appendID(dst []byte, start int64, key []byte) []byte {
	if m.windows == fixedWindows {
		dst = binary.BigEndian.AppendUint64(dst, uint64(start)^1<<63)
	}
	return append(dst, key...)
}

// keyOf returns the key of an instance's id.
func (m *Machine) keyOf(id []byte) []byte {
	if m.windows == fixedWindows {
		return id[startBytes:]
	}
	return id
}

// appendLogKey appends the key that an instance has in the changelog. since is its state's.
func (m *Machine) appendLogKey(dst, id []byte, since int64) []byte {
	if m.windows == noWindows {
		return append(append(dst, stateKey...), id...)
	}
	dst = strconv.AppendInt(append(dst, windowKey...), since, 10)
	return append(append(dst, '/'), m.keyOf(id)...)
}

// borrowed returns b as a string without copying; it is valid while b is unchanged.
func borrowed(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// load returns the instance of an id with its state. An error is a state that can't be
// read.
func (m *Machine) load(id []byte) (*instance, error) {
	w, encoded, at := m.find(id)
	switch {
	case w == nil:
		w = m.open(id, at)
		w.cur = m.states.get()
		w.cur.exists = false
		if encoded != nil {
			if err := w.cur.parse(encoded, m.layouts, false); err != nil {
				return nil, err
			}
			m.note(w, w.cur, encoded)
		}
	case w.cur == nil:
		w.cur = m.states.get()
		w.cur.exists = false
	}
	if !w.cur.exists {
		w.cur.begin(m.layout, 0)
		w.cur.exists = false
	}
	return w, nil
}

// find returns the instance of an id that the transaction works on, nil if it does not yet;
// then also its committed state, nil if it has none, and where that is.
func (m *Machine) find(id []byte) (w *instance, encoded []byte, at stage.Ref) {
	encoded, at, ok := m.committed.Find(borrowed(id))
	if !ok {
		return m.added[borrowed(id)], nil, at
	}
	if n := m.committed.Mark(at); n > 0 {
		return m.touched[n-1], nil, at
	}
	return nil, encoded, at
}

// open adds an instance to those of the transaction.
func (m *Machine) open(id []byte, at stage.Ref) *instance {
	w := m.instances.get()
	id = m.mem.copy(id)
	*w = instance{id: id, name: m.keyOf(id), at: at}
	m.touched = append(m.touched, w)
	if at == (stage.Ref{}) {
		m.added[borrowed(id)] = w
	} else {
		m.committed.SetMark(at, uint32(len(m.touched)))
	}
	return w
}

// pool hands out values, which are used again after a reset.
type pool[T any] struct {
	all  []*T
	used int
}

// poolKept is how many values outlive a reset.
const poolKept = 16 << 10

func (p *pool[T]) get() *T {
	if p.used == len(p.all) {
		p.all = append(p.all, new(T))
	}
	p.used++
	return p.all[p.used-1]
}

func (p *pool[T]) reset() {
	if len(p.all) > poolKept {
		clear(p.all[poolKept:])
		p.all = p.all[:poolKept]
	}
	p.used = 0
}

// windowKind is whether and how a topology divides its keys' states by time.
type windowKind uint8

const (
	noWindows    windowKind = iota
	fixedWindows            // they begin at multiples of a time
	sessions                // they begin with a line
)

// end returns when the window of a state ends.
func (m *Machine) end(s *state) int64 {
	if m.windows == sessions {
		return s.newest + m.gap
	}
	return s.since + m.size
}

// starts appends the starts of the fixed windows that contain a time, the oldest first.
// Between windows that are shorter than the time from one to the next there is none.
func (m *Machine) starts(dst []int64, t int64) []int64 {
	last := t - (t%m.every+m.every)%m.every
	first := last
	for first-m.every > t-m.size {
		first -= m.every
	}
	for start := first; start <= last && start > t-m.size; start += m.every {
		dst = append(dst, start)
	}
	return dst
}
