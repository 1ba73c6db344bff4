package producer

import (
	"fmt"
	"math"
)

// origins are the causes of a stream's records. A record's number determines its cause,
// the number of the causing record, and its place among those that this one causes:
//
// With a single cause, the records are numbered in the order of their causes; with
// several, the numbers of each are those that leave the same remainder. The records of a
// cycle have numbers below 0, so that those that begin it keep theirs, and so do all that
// follow from them.
type origins struct {
	outer []*cause // of other producers
	inner []*cause // that form a cycle with the stream
	deep  bool     // some records of outer's streams have numbers below 0
}

// NumberError reports that the numbers of a cause's records don't fit into 64 bits.
type NumberError struct{ Producer, Caused string }

func (e *NumberError) Error() string {
	return fmt.Sprintf("producer %q has made so many records that what they cause of %q can't be numbered; give `depth:` or `count:` a lower limit", e.Producer, e.Caused)
}

func (o *origins) add(k *cause) {
	if k.recursive {
		o.inner[k.at] = k
	} else {
		o.outer[k.at] = k
	}
}

// below returns how many causes have records with numbers below 0.
func (o *origins) below() int64 {
	if o.deep {
		return int64(len(o.inner) + len(o.outer))
	}
	return int64(len(o.inner))
}

// number returns the number of the i-th record that a step of record n of the cause's
// stream causes; find is its inverse.
func (o *origins) number(k *cause, n, index, i int64) int64 {
	own := int64(0)
	if n < 0 {
		own = ^k.number(^n, index, i)
	} else {
		own = k.number(n, index, i)
	}
	switch {
	case k.recursive:
		return ^(zigzag(own)*o.below() + int64(k.at))
	case own < 0:
		return ^(^own*o.below() + int64(len(o.inner)+k.at))
	}
	return own*int64(len(o.outer)) + int64(k.at)
}

// find returns a record's cause, nil if it has none.
func (o *origins) find(number int64) (k *cause, n, index, i int64) {
	own := int64(0)
	switch {
	case number >= 0 && len(o.outer) == 0:
		return nil, 0, 0, 0
	case number >= 0:
		size := int64(len(o.outer))
		k, own = o.outer[number%size], number/size
	default:
		size := o.below()
		own = ^number / size
		if at := int(^number % size); at < len(o.inner) {
			k, own = o.inner[at], unzigzag(own)
		} else {
			k, own = o.outer[at-len(o.inner)], ^own
		}
	}
	if own < 0 {
		n, index, i = k.back(^own)
		return k, ^n, index, i
	}
	n, index, i = k.back(own)
	return k, n, index, i
}

// zigzag maps whole numbers to those from 0: 0, -1, 1, -2, …
func zigzag(v int64) int64 { return v<<1 ^ v>>63 }

func unzigzag(v int64) int64 { return v>>1 ^ -(v & 1) }

// fits reports whether the records that a step of record n causes can be numbered.
func (k *cause) fits(n, index int64) bool {
	o := k.to.from
	room := math.MaxInt64 / 4 / k.count / max(int64(len(o.outer)), o.below())
	n = max(n, ^n)
	if k.byStep && (index >= firstSteps || n >= laterSteps/k.perStep/k.count-1) {
		return max(n, index) < int64(math.Sqrt(float64(room)))-1
	}
	return n < room/k.perStep-1
}

// place returns a cause's place among all of the stream's, first those of other producers.
func (o *origins) place(k *cause) int {
	if k.recursive {
		return len(o.outer) + k.at
	}
	return k.at
}

// enter completes the frame of a slot's record with that of the record that caused it,
// which it pushes. Its number and step follow from the slot's number, its time from the
// delay.
func (o *origins) enter(w *worker, f *frame, at slot) {
	k, n, index, i := o.find(at.n)
	if k == nil {
		return
	}
	entity := recordKey(k.from.random, n)
	step, state := int(index), 0
	switch m := k.from.machine; {
	case m == nil:
	case k.byStep:
		state = m.stateAt(entity, step)
	default:
		state = k.in[index]
		step = m.stepOf(entity, state)
	}
	own := slot{n: n, at: at.at - k.delayAt(entity, index, i), step: int32(step), state: int32(state)}
	if at.last != nil {
		own.last = at.last.cause
	}
	of := w.push()
	k.from.frame(of, own)
	if k.from.from != nil {
		k.from.from.enter(w, of, own)
	}
	f.own.cause, f.own.origin = of, o.place(k)
	if k.recursive {
		f.own.depth = of.own.depth + 1
	}
}

// depth returns how many times producers of a cycle have caused each other up to a record.
func (s *stream) depth(n int64) (depth int) {
	for n < 0 {
		k, of, _, _ := s.from.find(n)
		if !k.recursive {
			break
		}
		depth++
		s, n = k.from, of
	}
	return depth
}

// appendNumber appends a record's number as text, which differs from those of all others:
// in a cycle it is the number of the record that begins it, plus from, and the places of
// the record and those in between, as in 17.2.1.
func (s *stream) appendNumber(dst []byte, n, from int64, width int) []byte {
	if n >= 0 {
		return appendPadded(dst, n+from, width)
	}
	k, of, index, i := s.from.find(n)
	dst = k.from.appendNumber(dst, of, from, width)
	size, at := s.from.below(), int64(k.at)
	if !k.recursive {
		at += int64(len(s.from.inner))
	}
	return appendInt(append(dst, '.'), (index*k.count+i)*size+at+1)
}
