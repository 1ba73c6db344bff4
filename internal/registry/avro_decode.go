package registry

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync"

	"inv/internal/jsonscan"
)

// raw is the style of defaults in a schema: logical types are what they stand for.
const raw = Data + 1

// newAvroDecoder returns the function that appends the JSON of a payload.
func newAvroDecoder(t *avroType, style Style) func(dst, payload []byte) ([]byte, error) {
	c := avroCompiler{style: style, records: map[*avroType]*avroAppender{}}
	return decoderOfAppender(c.compile(t), style)
}

func decoderOfAppender(appendValue avroAppender, style Style) func(dst, payload []byte) ([]byte, error) {
	inputs := &sync.Pool{New: func() any { return new(avroInput) }}
	return func(dst, payload []byte) ([]byte, error) {
		if style == Data && len(payload) > maxJSON {
			return dst, errLarge
		}
		in := inputs.Get().(*avroInput)
		*in = avroInput{payload: payload, base: len(dst), places: in.places[:0]}
		out, err := appendValue(dst, in)
		left := len(payload) - in.at
		in.payload = nil
		inputs.Put(in)
		if err != nil {
			return dst, err
		}
		if left > 0 {
			return dst, fmt.Errorf("%d bytes are left over", left)
		}
		return out, nil
	}
}

// Limits of one value: a few bytes can claim an array of 2⁶³ nulls, or lists in lists
// without end.
const (
	maxJSON  = 64 << 20
	maxDepth = 1000
)

var (
	errShort = errors.New("the payload ends too early")
	errLarge = fmt.Errorf("the value is larger than %d MiB as JSON", maxJSON>>20)
	errDeep  = fmt.Errorf("the value is nested more than %d levels deep", maxDepth)
)

// avroAppender appends the next value of the input to dst, as JSON.
type avroAppender func(dst []byte, in *avroInput) ([]byte, error)

// avroInput is a payload. What moves is a number: a slice would need a write barrier.
type avroInput struct {
	payload []byte
	at      int
	depth   int
	base    int   // bytes before the value's JSON
	places  []int // where fields of records begin, see inDisorder
	skipped int   // items of arrays and maps
}

func (in *avroInput) bytes(n int64) ([]byte, error) {
	at := in.at
	if n < 0 || n > int64(len(in.payload)-at) {
		return nil, errShort
	}
	in.at += int(n)
	return in.payload[at:in.at], nil
}

// long reads a zigzag varint.
func (in *avroInput) long() (int64, error) {
	if in.at < len(in.payload) {
		if c := in.payload[in.at]; c < 0x80 {
			in.at++
			return int64(c>>1) ^ -int64(c&1), nil
		}
	}
	v, n := binary.Varint(in.payload[in.at:])
	if n <= 0 {
		return 0, errShort
	}
	in.at += n
	return v, nil
}

// sized reads bytes after their length.
func (in *avroInput) sized() ([]byte, error) {
	n, err := in.long()
	if err != nil {
		return nil, err
	}
	return in.bytes(n)
}

// avroCompiler compiles types into appenders. Records may refer to themselves, so they
// are found by pointer.
type avroCompiler struct {
	style   Style
	records map[*avroType]*avroAppender
}

func (c *avroCompiler) compile(t *avroType) avroAppender {
	if t.logical != "" && c.style != raw {
		if a := logicalAppender(t, c.style); a != nil {
			return a
		}
	}
	switch t.kind {
	case "null":
		return func(dst []byte, _ *avroInput) ([]byte, error) { return append(dst, "null"...), nil }
	case "boolean":
		return appendBoolean
	case "int", "long":
		return appendLong
	case "float":
		return ofFixed(4, func(dst, b []byte) []byte {
			return appendFloat(dst, float64(math.Float32frombits(binary.LittleEndian.Uint32(b))), 32)
		})
	case "double":
		return ofFixed(8, func(dst, b []byte) []byte {
			return appendFloat(dst, math.Float64frombits(binary.LittleEndian.Uint64(b)), 64)
		})
	case "string":
		return ofSized(jsonscan.AppendString)
	case "bytes":
		return ofSized(appendBytes)
	case "fixed":
		return ofFixed(t.size, appendBytes)
	case "enum":
		return enumAppender(t.symbols)
	case "union":
		return c.union(t)
	case "array":
		return blocks('[', ']', c.compile(t.elem))
	case "map":
		return blocks('{', '}', mapEntry(c.compile(t.elem)))
	}
	return c.record(t)
}

func (c *avroCompiler) record(t *avroType) avroAppender {
	if a := c.records[t]; a != nil {
		return func(dst []byte, in *avroInput) ([]byte, error) { return (*a)(dst, in) }
	}
	type field struct {
		name   []byte // with what precedes and follows it
		append avroAppender
	}
	self := new(avroAppender)
	c.records[t] = self
	fields := make([]field, len(t.fields))
	for i := range t.fields {
		fields[i] = field{memberName(t.fields[i].name, i == 0), c.compile(t.fields[i].typ)}
	}
	*self = func(dst []byte, in *avroInput) (_ []byte, err error) {
		if in.depth++; in.depth > maxDepth {
			return nil, errDeep
		}
		if len(fields) == 0 {
			dst = append(dst, '{')
		}
		for i := range fields {
			if dst, err = fields[i].append(append(dst, fields[i].name...), in); err != nil {
				return nil, err
			}
		}
		in.depth--
		return append(dst, '}'), nil
	}
	return *self
}

// memberName returns what precedes the value of a field in a record's JSON.
func memberName(field string, first bool) []byte {
	name := append(jsonscan.AppendString([]byte{','}, []byte(field)), ':')
	if first {
		name[0] = '{'
	}
	return name
}

func (c *avroCompiler) union(t *avroType) avroAppender {
	branches := make([]avroAppender, len(t.branches))
	for i, b := range t.branches {
		branches[i] = c.compile(b)
	}
	return unionOf(branches)
}

func unionOf(branches []avroAppender) avroAppender {
	return func(dst []byte, in *avroInput) ([]byte, error) {
		i, err := in.long()
		if err != nil {
			return nil, err
		}
		if i < 0 || i >= int64(len(branches)) {
			return nil, fmt.Errorf("a union has no branch %d", i)
		}
		return branches[i](dst, in)
	}
}

func enumAppender(symbols []string) avroAppender {
	quoted := make([][]byte, len(symbols))
	for i, s := range symbols {
		quoted[i] = jsonscan.AppendString(nil, []byte(s))
	}
	return ofSymbols(quoted, nil)
}

// ofSymbols appends a symbol. lacks returns the error of one that is nil.
func ofSymbols(quoted [][]byte, lacks func(i int64) error) avroAppender {
	return func(dst []byte, in *avroInput) ([]byte, error) {
		i, err := in.long()
		switch {
		case err != nil:
			return nil, err
		case i < 0 || i >= int64(len(quoted)):
			return nil, fmt.Errorf("an enum has no symbol %d", i)
		case quoted[i] == nil:
			return nil, lacks(i)
		}
		return append(dst, quoted[i]...), nil
	}
}

// mapEntry appends an entry of a map.
func mapEntry(values avroAppender) avroAppender {
	return func(dst []byte, in *avroInput) ([]byte, error) {
		key, err := in.sized()
		if err != nil {
			return nil, err
		}
		return values(append(jsonscan.AppendString(dst, key), ':'), in)
	}
}

// blocks appends an array or a map, which is written in blocks of a count and as many
// items; a negative count is followed by the size of the block in bytes.
func blocks(opening, closing byte, item avroAppender) avroAppender {
	return func(dst []byte, in *avroInput) ([]byte, error) {
		if in.depth++; in.depth > maxDepth {
			return nil, errDeep
		}
		dst = append(dst, opening)
		for first := true; ; {
			count, err := in.count()
			if err != nil {
				return nil, err
			}
			if count == 0 {
				in.depth--
				return append(dst, closing), nil
			}
			for range count {
				if !first {
					dst = append(dst, ',')
				}
				first = false
				if dst, err = item(dst, in); err != nil {
					return nil, err
				}
				if len(dst)-in.base > maxJSON {
					return nil, errLarge
				}
			}
		}
	}
}

// count reads how many items the next block has.
func (in *avroInput) count() (uint64, error) {
	count, err := in.long()
	if err == nil && count < 0 {
		_, err = in.long()
		count = -count
	}
	return uint64(count), err // of -2⁶³, too
}

func appendBoolean(dst []byte, in *avroInput) ([]byte, error) {
	b, err := in.bytes(1)
	if err != nil {
		return nil, err
	}
	return strconv.AppendBool(dst, b[0] == 1), nil // as Java reads it
}

func appendLong(dst []byte, in *avroInput) ([]byte, error) {
	v, err := in.long()
	if err != nil {
		return nil, err
	}
	return strconv.AppendInt(dst, v, 10), nil
}

func ofLong(write func(dst []byte, v int64) []byte) avroAppender {
	return func(dst []byte, in *avroInput) ([]byte, error) {
		v, err := in.long()
		if err != nil {
			return nil, err
		}
		return write(dst, v), nil
	}
}

func ofSized(write func(dst, b []byte) []byte) avroAppender {
	return func(dst []byte, in *avroInput) ([]byte, error) {
		b, err := in.sized()
		if err != nil {
			return nil, err
		}
		return write(dst, b), nil
	}
}

func ofFixed(size int, write func(dst, b []byte) []byte) avroAppender {
	return func(dst []byte, in *avroInput) ([]byte, error) {
		b, err := in.bytes(int64(size))
		if err != nil {
			return nil, err
		}
		return write(dst, b), nil
	}
}

// appendBytes appends each byte as the character of its number.
func appendBytes(dst, b []byte) []byte {
	dst = append(dst, '"')
	for len(b) > 0 {
		var text [64]byte
		n, i := 0, 0
		for ; i < len(b) && n < len(text)-1; i++ {
			n += copy(text[n:], string(rune(b[i])))
		}
		b = b[i:]
		start := len(dst)
		dst = jsonscan.AppendString(dst, text[:n])
		dst = append(dst[:start], dst[start+1:len(dst)-1]...)
	}
	return append(dst, '"')
}

// appendFloat appends a number as JavaScript and encoding/json write it; what JSON has
// no number for is a string.
func appendFloat(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(dst, `"-Infinity"`...)
	}
	format := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, f, format, -1, bits)
}
