package postgres

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"inv/internal/jsonscan"
	"inv/processor/forward"
	"inv/processor/forward/column"
)

// copyHeader and copyTrailer enclose rows (PostgreSQL's manual, COPY, Binary Format).
var (
	copyHeader  = []byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	copyTrailer = []byte{0xff, 0xff}
)

// Times of PostgreSQL are microseconds since 2000, from 4714 BC until 294276.
const (
	epoch2000 = 946684800000     // milliseconds
	firstTime = -210866803200000 // epoch milliseconds
	endTime   = 9224318016000000
)

var (
	errNUL      = errors.New(`the character U+0000, which PostgreSQL can't hold`)
	errNotJSON  = errors.New("the record's value is not JSON")
	errNoKey    = errors.New("the key of the row is missing or null")
	errNoNewest = errors.New("the value is missing or null")
)

// encoder appends rows in the form of COPY. It has buffers, so it is for one goroutine.
type encoder struct {
	values  [][]byte
	scratch []byte
}

// append appends the row of a record. A tombstone of an upsert table is a row of which only
// the key and the place are set; ok is false if no row can have that key. The error is a
// [forward.RecordError], and what was appended then is to be cut off.
func (e *encoder) append(dst []byte, t *table, r *forward.Record) (_ []byte, ok bool, _ error) {
	gone := t.upsert && r.Value == nil
	if len(e.values) < t.row.Len() {
		e.values = make([][]byte, t.row.Len())
	}
	values := e.values[:t.row.Len()]
	switch {
	case r.Value == nil:
		clear(values)
	case t.row.Len() > 0:
		if err := t.row.JSON(r, values); err != nil {
			return dst, false, err
		}
	}
	fields := len(t.columns)
	if t.upsert {
		fields++
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(fields))
	for i := range t.columns {
		c := &t.columns[i]
		var err error
		switch {
		case gone && i == t.key:
			if dst, err = e.appendValue(dst, c, jsonscan.AppendString(nil, r.Key)); err != nil || r.Key == nil || !utf8.Valid(r.Key) {
				return dst, false, nil
			}
			continue
		case c.source != declaredValue:
			dst, err = e.appendMeta(dst, c, r)
		case values[c.value] == nil && (i == t.key || i == t.newest) && !gone:
			return dst, false, refuses(r, c, forward.Expression, missing(i == t.key))
		default:
			dst, err = e.appendValue(dst, c, values[c.value])
		}
		if err != nil {
			return dst, false, refuses(r, c, forward.Refused, err)
		}
	}
	if t.upsert {
		dst = appendBool(dst, gone)
	}
	return dst, true, nil
}

func missing(key bool) error {
	if key {
		return errNoKey
	}
	return errNoNewest
}

// refuses returns the error of a record whose column can't be written.
func refuses(r *forward.Record, c *tableColumn, reason string, err error) error {
	switch {
	case errors.Is(err, column.ErrNotUnicode):
		reason = forward.NotUnicode
	case errors.Is(err, errNotJSON):
		reason = forward.NotJSON
	}
	return &forward.RecordError{Record: r, Reason: reason, Err: &column.Error{Column: c.name, Type: c.typeName(), Err: err}}
}

// appendMeta appends a column that is not declared.
func (e *encoder) appendMeta(dst []byte, c *tableColumn, r *forward.Record) ([]byte, error) {
	switch c.source {
	case recordTopic:
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(r.Topic)))
		return append(dst, r.Topic...), nil
	case recordPartition:
		dst = binary.BigEndian.AppendUint32(dst, 4)
		return binary.BigEndian.AppendUint32(dst, uint32(r.Partition)), nil
	case recordOffset:
		return appendInt(dst, r.Offset), nil
	case recordTime:
		if r.Time == noTime {
			return appendNull(dst), nil
		}
		return appendTime(dst, r.Time)
	case recordKey:
		if r.Key == nil {
			return appendNull(dst), nil
		}
		if !utf8.Valid(r.Key) {
			return dst, column.ErrNotUnicode
		}
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(r.Key)))
		return appendChecked(dst, r.Key)
	}
	switch {
	case r.Value == nil:
		return appendNull(dst), nil
	case r.JSON == nil:
		return dst, errNotJSON
	}
	return appendJSON(dst, r.JSON)
}

// noTime is the timestamp of a record that has none.
const noTime = -1

// appendValue appends a declared value; nil is null.
func (e *encoder) appendValue(dst []byte, c *tableColumn, raw []byte) ([]byte, error) {
	if raw == nil {
		return appendNull(dst), nil
	}
	switch c.typ.Type {
	case "int":
		n, err := column.Int(raw)
		return appendInt(dst, n), err
	case "float":
		f, err := column.Float(raw)
		return appendInt(dst, int64(math.Float64bits(f))), err
	case "bool":
		b, err := column.Bool(raw)
		return appendBool(dst, b), err
	case "time_ms":
		ms, err := column.Millis(raw)
		if err != nil {
			return dst, err
		}
		return appendTime(dst, ms)
	case "decimal":
		return e.appendDecimal(dst, raw, c.typ.Total, c.typ.Scale)
	case "json":
		return appendJSON(dst, raw)
	}
	var err error
	if e.scratch, err = column.AppendText(e.scratch[:0], raw); err != nil {
		return dst, err
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(e.scratch)))
	return appendChecked(dst, e.scratch)
}

func appendNull(dst []byte) []byte { return binary.BigEndian.AppendUint32(dst, math.MaxUint32) }

func appendInt(dst []byte, n int64) []byte {
	dst = binary.BigEndian.AppendUint32(dst, 8)
	return binary.BigEndian.AppendUint64(dst, uint64(n))
}

func appendBool(dst []byte, b bool) []byte {
	dst = binary.BigEndian.AppendUint32(dst, 1)
	if b {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func appendTime(dst []byte, ms int64) ([]byte, error) {
	if ms < firstTime || ms >= endTime {
		return dst, fmt.Errorf("%d is not a time that PostgreSQL has, from 4714 BC until 294276", ms)
	}
	return appendInt(dst, (ms-epoch2000)*1000), nil
}

// appendChecked appends text without U+0000.
func appendChecked(dst, text []byte) ([]byte, error) {
	if bytes.IndexByte(text, 0) >= 0 {
		return dst, errNUL
	}
	return append(dst, text...), nil
}

// appendJSON appends a jsonb in version 1 of its format, a byte and the text.
func appendJSON(dst, raw []byte) ([]byte, error) {
	raw = jsonscan.TrimMark(raw)
	if err := column.CheckUnicode(raw); err != nil {
		return dst, err
	}
	if column.HasNUL(raw) {
		return dst, errNUL
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(raw)+1))
	return append(append(dst, 1), raw...), nil
}

// decimalBase is the base of the digits of numeric: four decimal ones each.
const decimalBase = 4

// appendDecimal appends a numeric: the number of its digits, the weight of the first, the
// sign, the scale and the digits (numeric_send in numeric.c).
func (e *encoder) appendDecimal(dst, raw []byte, total, scale int) ([]byte, error) {
	digits, negative, err := column.AppendDecimal(e.scratch[:0], raw, total, scale)
	if err != nil {
		return dst, err
	}
	// The point must be between two digits of the base.
	behind := (scale + decimalBase - 1) / decimalBase
	count, weight := 0, 0
	if len(digits) > 0 {
		for range behind*decimalBase - scale {
			digits = append(digits, '0')
		}
		count = (len(digits) + decimalBase - 1) / decimalBase
		weight = count - behind - 1
	}
	e.scratch = digits
	sign := uint16(0)
	if negative {
		sign = 0x4000
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(8+2*count))
	for _, word := range [...]uint16{uint16(count), uint16(int16(weight)), sign, uint16(scale)} {
		dst = binary.BigEndian.AppendUint16(dst, word)
	}
	for len(digits) > 0 {
		n := (len(digits)-1)%decimalBase + 1 // the first one may have fewer
		word := uint16(0)
		for _, c := range digits[:n] {
			word = word*10 + uint16(c-'0')
		}
		dst = binary.BigEndian.AppendUint16(dst, word)
		digits = digits[n:]
	}
	return dst, nil
}
