package declared

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"inv/internal/jsonscan"
)

// state is what is kept of a key, or of a window of one.
type state struct {
	layout *layout
	exists bool  // there is one; else the rest means nothing
	n      int64 // steps
	since  int64 // of the first step; of the window's start, with windows; epoch ms
	newest int64 // the newest time of a step, epoch ms

	set    [][]byte // the fields' JSON text; nil: absent
	keeps  []kept
	timers []timer
	once   []lastTime // by the layout's emits
}

// timer is the state of one.
type timer struct {
	status timerStatus
	due    int64 // epoch ms, if it is running
}

type timerStatus uint8

const (
	timerIdle timerStatus = iota
	timerFired
	timerRunning
)

// lastTime is when an emit with `once` was written last.
type lastTime struct {
	known bool
	time  int64 // epoch ms
}

// begin makes s the state of a key that is new.
func (s *state) begin(l *layout, since int64) {
	s.layout, s.exists, s.n, s.since, s.newest = l, true, 0, since, since
	s.set = fit(s.set, len(l.Fields))
	s.keeps = fit(s.keeps, len(l.Keeps))
	s.timers = fit(s.timers, len(l.Timers))
	s.once = fit(s.once, len(l.Once))
}

// fit returns a slice of n zero values, in place of an old one.
func fit[T any](old []T, n int) []T {
	old = slices.Grow(old[:0], n)[:n]
	clear(old)
	return old
}

// copyFrom makes s what o is. Their texts are the same memory.
func (s *state) copyFrom(o *state) {
	s.layout, s.exists, s.n, s.since, s.newest = o.layout, o.exists, o.n, o.since, o.newest
	s.set = append(s.set[:0], o.set...)
	s.keeps = append(s.keeps[:0], o.keeps...)
	s.timers = append(s.timers[:0], o.timers...)
	s.once = append(s.once[:0], o.once...)
}

// running returns the number of timers that are running.
func (s *state) running() (n int64) {
	for i := range s.timers {
		if s.exists && s.timers[i].status == timerRunning {
			n++
		}
	}
	return n
}

// stateFormat is the first byte of an encoded state.
const stateFormat = 1

// append encodes the state: the format, the layout, the times and the number of steps,
// then fields, keeps, timers and emits with `once`, each as many as the layout has.
func (s *state) append(dst []byte, scratch *[]byte) []byte {
	dst = binary.AppendUvarint(append(dst, stateFormat), uint64(s.layout.ID))
	dst = binary.AppendVarint(dst, s.newest)
	dst = binary.AppendVarint(dst, s.newest-s.since)
	dst = binary.AppendUvarint(dst, uint64(s.n))
	for i := range s.timers {
		t := &s.timers[i]
		dst = append(dst, byte(t.status))
		if t.status == timerRunning {
			dst = binary.AppendVarint(dst, t.due-s.newest)
		}
	}
	for _, text := range s.set {
		if text == nil {
			dst = append(dst, 0)
			continue
		}
		dst = append(binary.AppendUvarint(dst, uint64(len(text))+1), text...)
	}
	for i := range s.keeps {
		*scratch = s.keeps[i].append((*scratch)[:0], &s.layout.aggregates[i], s.newest)
		dst = append(binary.AppendUvarint(dst, uint64(len(*scratch))), *scratch...)
	}
	for _, o := range s.once {
		if !o.known {
			dst = append(dst, 0)
			continue
		}
		dst = binary.AppendVarint(append(dst, 1), o.time-s.newest)
	}
	return dst
}

// room is at least how many bytes append needs.
func (s *state) room() int {
	n := 4*binary.MaxVarintLen64 + 1 + (1+binary.MaxVarintLen64)*(len(s.timers)+len(s.once))
	for _, text := range s.set {
		n += binary.MaxVarintLen32 + len(text)
	}
	for i := range s.keeps {
		n += 5*binary.MaxVarintLen64 + len(s.keeps[i].body)
	}
	return n
}

var errState = errors.New("a state that can't be read")

// layouts are those of the changelog, by their ids.
type layouts map[int]*layout

// parse decodes a state. Its texts are parts of b. check looks at all of it, which states
// that were not encoded by this process need.
func (s *state) parse(b []byte, known layouts, check bool) error {
	d := decoder{b: b}
	l, err := d.header(s, known)
	if err != nil {
		return err
	}
	s.layout, s.exists = l, true
	s.timers = fit(s.timers, len(l.Timers))
	for i := range s.timers {
		d.timer(&s.timers[i], s.newest)
	}
	s.set = fit(s.set, len(l.Fields))
	for i := range s.set {
		if n := d.uvarint(); n > 0 {
			s.set[i] = d.bytes(n - 1)
		}
		if check && s.set[i] != nil {
			if _, ok := jsonscan.Valid(s.set[i]); !ok {
				return errState
			}
		}
	}
	s.keeps = fit(s.keeps, len(l.Keeps))
	for i := range s.keeps {
		var err error
		if s.keeps[i], err = parseKept(d.bytes(d.uvarint()), &l.aggregates[i], s.newest); err != nil {
			return err
		}
		if check && !s.keeps[i].whole(&l.aggregates[i]) {
			return errKept
		}
	}
	s.once = fit(s.once, len(l.Once))
	for i := range s.once {
		if o := &s.once[i]; d.byte() == 1 {
			o.known, o.time = true, s.newest+d.varint()
		}
	}
	if d.wrong || len(d.b) > 0 {
		return errState
	}
	return nil
}

// parseHead decodes only the times and timers of a state.
func (s *state) parseHead(b []byte, known layouts) error {
	d := decoder{b: b}
	l, err := d.header(s, known)
	if err != nil {
		return err
	}
	s.layout, s.exists = l, true
	s.timers = fit(s.timers, len(l.Timers))
	for i := range s.timers {
		d.timer(&s.timers[i], s.newest)
	}
	if d.wrong {
		return errState
	}
	return nil
}

// decoder reads a state. After something wrong it gives zeros.
type decoder struct {
	b     []byte
	wrong bool
}

// header reads what comes before the timers, and finds the layout.
func (d *decoder) header(s *state, known layouts) (*layout, error) {
	if format := d.byte(); format != stateFormat {
		return nil, fmt.Errorf("%w: its format is %d; use the version of the program that wrote it", errState, format)
	}
	id := d.uvarint()
	s.newest = d.varint()
	s.since = s.newest - d.varint()
	s.n = int64(d.uvarint())
	if d.wrong || !validTime(s.newest) || s.n < 1 {
		return nil, errState
	}
	l := known[int(id)]
	if l == nil {
		return nil, fmt.Errorf("%w: its layout, number %d, is not in the changelog", errState, id)
	}
	return l, nil
}

func (d *decoder) timer(t *timer, ref int64) {
	switch t.status = timerStatus(d.byte()); {
	case t.status == timerRunning:
		t.due = ref + d.varint()
	case t.status > timerRunning:
		d.wrong = true
	}
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.wrong = true
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) uvarint() uint64 {
	n, size := binary.Uvarint(d.b)
	if size <= 0 {
		d.wrong, d.b = true, nil
		return 0
	}
	d.b = d.b[size:]
	return n
}

func (d *decoder) varint() int64 {
	n, size := binary.Varint(d.b)
	if size <= 0 {
		d.wrong, d.b = true, nil
		return 0
	}
	d.b = d.b[size:]
	return n
}

func (d *decoder) bytes(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.wrong, d.b = true, nil
		return nil
	}
	b := d.b[:n:n]
	d.b = d.b[n:]
	return b
}
