package files

import (
	"bytes"
	"io"
	"math"
	"strconv"

	"github.com/klauspost/compress/zstd"

	"inv/internal/jsonscan"
	"inv/processor/forward"
)

// textEncoder writes JSON Lines or CSV.
type textEncoder struct {
	rows  *rower
	csv   bool
	names [][]byte // JSON: what is before a value
	line  []byte
	out   io.Writer
	zstd  *zstd.Encoder // nil: not compressed
}

// windowBytes is how far the compression looks back. It takes memory, in each open file.
const windowBytes = 512 << 10

// newTextEncoder returns an encoder; a CSV file begins with the columns' names.
func newTextEncoder(out io.Writer, rows *rower, csv, compressed bool) (*textEncoder, error) {
	e := &textEncoder{rows: rows, csv: csv, out: out}
	if compressed {
		var err error
		e.zstd, err = zstd.NewWriter(out, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(windowBytes), zstd.WithLowerEncoderMem(true))
		if err != nil {
			return nil, err
		}
		e.out = e.zstd
	}
	if !csv {
		e.names = jsonNames(rows.fields)
		return e, nil
	}
	for i := range rows.fields {
		if i > 0 {
			e.line = append(e.line, ',')
		}
		e.line = appendCSV(e.line, []byte(rows.fields[i].name))
	}
	e.line = append(e.line, '\n')
	_, err := e.out.Write(e.line)
	return e, err
}

// jsonNames returns what is before each value of a JSON object.
func jsonNames(fields []field) (names [][]byte) {
	for i := range fields {
		name := jsonscan.AppendString([]byte{','}, []byte(fields[i].name))
		if i == 0 {
			name[0] = '{'
		}
		names = append(names, append(name, ':'))
	}
	return names
}

func (e *textEncoder) add(r *forward.Record) error {
	cells, err := e.rows.row(r)
	if err != nil {
		return err
	}
	e.line = e.line[:0]
	for i := range cells {
		f, c := &e.rows.fields[i], &cells[i]
		switch {
		case e.csv:
			if i > 0 {
				e.line = append(e.line, ',')
			}
			e.line = appendCSVCell(e.line, f, c)
		default:
			e.line = appendJSONCell(append(e.line, e.names[i]...), f, c)
		}
	}
	if !e.csv {
		e.line = append(e.line, '}')
	}
	e.line = append(e.line, '\n')
	e.rows.reset()
	_, err = e.out.Write(e.line)
	return err
}

func (e *textEncoder) settle() error { return nil }

// held is that of the spool and of the compression, which don't grow.
func (e *textEncoder) held() int64 { return 0 }

func (e *textEncoder) release() error { return nil }

func (e *textEncoder) finish(int64) error {
	if e.zstd == nil {
		return nil
	}
	return e.zstd.Close()
}

// doubleDigits is how many digits a double has for certain. Most readers of JSON take
// numbers as doubles, so decimals that have more are in quotes.
const doubleDigits = 15

// appendJSONCell appends a value of a JSON object.
func appendJSONCell(dst []byte, f *field, c *cell) []byte {
	switch {
	case c.null:
		return append(dst, "null"...)
	case f.kind == valueField && c.isJSON:
		flags, _ := jsonscan.Valid(c.bytes)
		return jsonscan.AppendSafe(dst, c.bytes, flags)
	case f.kind == jsonField:
		return jsonscan.AppendSafe(dst, c.bytes, c.flags)
	case f.kind == textField || f.kind == valueField:
		return jsonscan.AppendString(dst, c.bytes)
	case f.kind == floatField && (math.IsNaN(c.float) || math.IsInf(c.float, 0)),
		f.kind == decimalField && f.total > doubleDigits:
		return append(appendNumber(append(dst, '"'), f, c), '"')
	default:
		return appendNumber(dst, f, c)
	}
}

// appendCSVCell appends a field of CSV; null is empty, and an empty text is in quotes.
func appendCSVCell(dst []byte, f *field, c *cell) []byte {
	switch {
	case c.null:
		return dst
	case f.kind == textField || f.kind == valueField || f.kind == jsonField:
		return appendCSV(dst, c.bytes)
	default:
		return appendNumber(dst, f, c)
	}
}

// appendNumber appends a value that is neither text nor JSON.
func appendNumber(dst []byte, f *field, c *cell) []byte {
	switch f.kind {
	case floatField:
		return appendFloat(dst, c.float)
	case boolField:
		return strconv.AppendBool(dst, c.int == 1)
	case decimalField:
		return c.dec.appendText(dst, f.scale)
	default:
		return strconv.AppendInt(dst, c.int, 10)
	}
}

// appendFloat appends a number, or NaN, Infinity or -Infinity.
func appendFloat(dst []byte, x float64) []byte {
	switch {
	case math.IsInf(x, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(x, -1):
		return append(dst, "-Infinity"...)
	}
	return strconv.AppendFloat(dst, x, 'g', -1, 64)
}

// appendCSV appends a field as RFC 4180 has it. Beyond what the RFC wants, a field is in
// quotes that begins with a space, as encoding/csv does it, and one that is empty.
func appendCSV(dst, text []byte) []byte {
	if len(text) > 0 && text[0] != ' ' && text[0] != '\t' && !bytes.ContainsAny(text, "\",\r\n") {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for {
		i := bytes.IndexByte(text, '"')
		if i < 0 {
			break
		}
		dst = append(append(dst, text[:i+1]...), '"')
		text = text[i+1:]
	}
	return append(append(dst, text...), '"')
}
