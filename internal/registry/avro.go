package registry

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"inv/internal/jsonscan"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"
)

// The JSON of an Avro value: unions are bare, records have their fields in schema
// order, bytes and fixed are strings of one character per byte (as in Avro's own JSON
// encoding), and logical types are what they mean, see logical.go. A logical type that
// the specification does not define is ignored, as it asks.

func avroDecoder(s sr.Schema, references []reference) (payloadDecoder, error) {
	var cache avro.SchemaCache
	for _, r := range references {
		if _, err := cache.Parse(r.text); err != nil {
			return nil, fmt.Errorf("parsing the Avro schema of %s: %w", r.name, err)
		}
	}
	parsed, err := cache.Parse(s.Schema)
	if err != nil {
		return nil, fmt.Errorf("parsing the Avro schema: %w", err)
	}
	root := parsed.Root()
	appendValue, err := (&avroCompiler{named: map[string]*avroAppender{}}).compile(root, "")
	if err != nil {
		return nil, fmt.Errorf("compiling the Avro schema: %w", err)
	}
	return func(payload []byte) ([]byte, error) {
		in := avroInput{rest: payload}
		out, err := appendValue(make([]byte, 0, 2*len(payload)), &in)
		if err != nil {
			return nil, err
		}
		if len(in.rest) > 0 {
			return nil, fmt.Errorf("%d bytes are left over", len(in.rest))
		}
		return out, nil
	}, nil
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

// avroInput is what is left of a payload.
type avroInput struct {
	rest  []byte
	depth int
}

func (in *avroInput) bytes(n int64) ([]byte, error) {
	if n < 0 || n > int64(len(in.rest)) {
		return nil, errShort
	}
	b := in.rest[:n]
	in.rest = in.rest[n:]
	return b, nil
}

// long reads a zigzag varint.
func (in *avroInput) long() (int64, error) {
	v, n := binary.Varint(in.rest)
	if n <= 0 {
		return 0, errShort
	}
	in.rest = in.rest[n:]
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

// avroCompiler compiles a schema into appenders. Named types may refer to themselves,
// so they are found by pointer.
type avroCompiler struct {
	named map[string]*avroAppender
}

// compile compiles a schema that stands in a namespace.
func (c *avroCompiler) compile(n *avro.SchemaNode, namespace string) (avroAppender, error) {
	if a, err := logicalAppender(n); a != nil || err != nil {
		c.name(n, a)
		return a, err
	}
	switch n.Type {
	case "null":
		return func(dst []byte, _ *avroInput) ([]byte, error) { return append(dst, "null"...), nil }, nil
	case "boolean":
		return appendBoolean, nil
	case "int", "long":
		return ofLong(func(dst []byte, v int64) []byte { return strconv.AppendInt(dst, v, 10) }), nil
	case "float":
		return ofFixed(4, func(dst, b []byte) []byte {
			return appendFloat(dst, float64(math.Float32frombits(binary.LittleEndian.Uint32(b))), 32)
		}), nil
	case "double":
		return ofFixed(8, func(dst, b []byte) []byte {
			return appendFloat(dst, math.Float64frombits(binary.LittleEndian.Uint64(b)), 64)
		}), nil
	case "string":
		return ofSized(jsonscan.AppendString), nil
	case "bytes":
		return ofSized(appendBytes), nil
	case "fixed":
		a := ofFixed(n.Size, appendBytes)
		c.name(n, a)
		return a, nil
	case "enum":
		a := enumAppender(n.Symbols)
		c.name(n, a)
		return a, nil
	case "union":
		return c.union(n, namespace)
	case "array":
		items, err := c.compile(n.Items, namespace)
		return blocks('[', ']', items), err
	case "map":
		values, err := c.compile(n.Values, namespace)
		return blocks('{', '}', mapEntry(values)), err
	case "record", "error":
		return c.record(n)
	}
	if a := c.find(n.Type, namespace); a != nil {
		return func(dst []byte, in *avroInput) ([]byte, error) { return (*a)(dst, in) }, nil
	}
	return nil, fmt.Errorf("type %q is not defined", n.Type)
}

// name remembers the appender of a named type.
func (c *avroCompiler) name(n *avro.SchemaNode, a avroAppender) {
	if n.Name != "" {
		c.named[fullName(n)] = &a
	}
}

func (c *avroCompiler) find(name, namespace string) *avroAppender {
	if namespace != "" && !strings.Contains(name, ".") {
		if a := c.named[namespace+"."+name]; a != nil {
			return a
		}
	}
	return c.named[name]
}

func fullName(n *avro.SchemaNode) string {
	if n.Namespace == "" || strings.Contains(n.Name, ".") {
		return n.Name
	}
	return n.Namespace + "." + n.Name
}

func (c *avroCompiler) record(n *avro.SchemaNode) (avroAppender, error) {
	type field struct {
		name   []byte // with what precedes and follows it
		append avroAppender
	}
	self := new(avroAppender)
	c.named[fullName(n)] = self
	fields := make([]field, len(n.Fields))
	for i := range n.Fields {
		f := &n.Fields[i]
		a, err := c.compile(fieldType(f), n.Namespace)
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", f.Name, err)
		}
		name := append(jsonscan.AppendString([]byte{','}, []byte(f.Name)), ':')
		if i == 0 {
			name[0] = '{'
		}
		fields[i] = field{name, a}
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
	return *self, nil
}

// fieldType returns a field's schema. A logical type beside the field's type belongs to
// that type, as many schemas have it.
func fieldType(f *avro.SchemaField) *avro.SchemaNode {
	logical, ok := f.Props["logicalType"].(string)
	if !ok || f.Type.LogicalType != "" {
		return &f.Type
	}
	t := f.Type
	t.LogicalType = logical
	precision, _ := f.Props["precision"].(int64)
	scale, _ := f.Props["scale"].(int64)
	t.Precision, t.Scale = int(precision), int(scale)
	return &t
}

func (c *avroCompiler) union(n *avro.SchemaNode, namespace string) (avroAppender, error) {
	branches := make([]avroAppender, len(n.Branches))
	for i := range n.Branches {
		var err error
		if branches[i], err = c.compile(&n.Branches[i], namespace); err != nil {
			return nil, err
		}
	}
	return func(dst []byte, in *avroInput) ([]byte, error) {
		i, err := in.long()
		if err != nil {
			return nil, err
		}
		if i < 0 || i >= int64(len(branches)) {
			return nil, fmt.Errorf("a union has no branch %d", i)
		}
		return branches[i](dst, in)
	}, nil
}

func enumAppender(symbols []string) avroAppender {
	return func(dst []byte, in *avroInput) ([]byte, error) {
		i, err := in.long()
		if err != nil {
			return nil, err
		}
		if i < 0 || i >= int64(len(symbols)) {
			return nil, fmt.Errorf("an enum has no symbol %d", i)
		}
		return jsonscan.AppendString(dst, []byte(symbols[i])), nil
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
			count, err := in.long()
			if err == nil && count < 0 {
				_, err = in.long()
				count = -count
			}
			if err != nil {
				return nil, err
			}
			if count == 0 {
				in.depth--
				return append(dst, closing), nil
			}
			for range uint64(count) { // of -2⁶³, too
				if !first {
					dst = append(dst, ',')
				}
				first = false
				if dst, err = item(dst, in); err != nil {
					return nil, err
				}
				if len(dst) > maxJSON {
					return nil, errLarge
				}
			}
		}
	}
}

func appendBoolean(dst []byte, in *avroInput) ([]byte, error) {
	b, err := in.bytes(1)
	if err != nil {
		return nil, err
	}
	return strconv.AppendBool(dst, b[0] == 1), nil // as Java reads it
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
	text := make([]byte, 0, len(b)+len(b)/2)
	for _, c := range b {
		text = append(text, string(rune(c))...)
	}
	return jsonscan.AppendString(dst, text)
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
