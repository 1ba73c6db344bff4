package registry

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Limits of a default, which may be made of those of other records, and so on.
const (
	maxDefault      = 1 << 20
	maxDefaultParts = 100_000
)

var errDefault = errors.New("it is too large")

// appendAvroDefault appends the payload of a default, see avro.SchemaField.
func appendAvroDefault(dst []byte, t *avroType, v any) ([]byte, error) {
	d := defaults{}
	out, ok := d.append(dst, t, v)
	if d.parts > maxDefaultParts || len(out)-len(dst) > maxDefault {
		return nil, errDefault
	}
	if !ok {
		return nil, fmt.Errorf("%v does not fit %s", v, t)
	}
	return out, nil
}

type defaults struct{ parts int }

// append appends a default; it reports whether it fits the type. dst is undefined if not.
func (d *defaults) append(dst []byte, t *avroType, v any) ([]byte, bool) {
	if d.parts++; d.parts > maxDefaultParts || len(dst) > maxDefault {
		return dst, false
	}
	switch t.kind {
	case "union":
		return d.union(dst, t, v)
	case "record":
		return d.record(dst, t, v)
	case "array", "map":
		return d.block(dst, t, v)
	}
	switch v := v.(type) {
	case nil:
		return dst, t.kind == "null"
	case bool:
		if v {
			return append(dst, 1), t.kind == "boolean"
		}
		return append(dst, 0), t.kind == "boolean"
	case int32:
		return appendLongValue(dst, int64(v)), t.kind == "int"
	case int64:
		return appendLongValue(dst, v), t.kind == "long"
	case float32:
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(v)), t.kind == "float"
	case float64:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v)), t.kind == "double"
	case []byte:
		if t.kind == "fixed" {
			return append(dst, v...), len(v) == t.size
		}
		return append(appendLongValue(dst, int64(len(v))), v...), t.kind == "bytes"
	case string:
		if t.kind == "enum" {
			i := slices.Index(t.symbols, v)
			return appendLongValue(dst, int64(i)), i >= 0
		}
		return append(appendLongValue(dst, int64(len(v))), v...), t.kind == "string"
	}
	return dst, false
}

// union takes the first branch that the default fits.
func (d *defaults) union(dst []byte, t *avroType, v any) ([]byte, bool) {
	for i, b := range t.branches {
		if out, ok := d.append(appendLongValue(dst, int64(i)), b, v); ok {
			return out, true
		}
	}
	return dst, false
}

func (d *defaults) record(dst []byte, t *avroType, v any) ([]byte, bool) {
	object, ok := v.(map[string]any)
	for i := range t.fields {
		f := &t.fields[i]
		value, has := object[f.name]
		if !has {
			value, has = f.value, f.hasDefault
		}
		if ok = ok && has; !ok {
			break
		}
		dst, ok = d.append(dst, f.typ, value)
	}
	return dst, ok
}

func (d *defaults) block(dst []byte, t *avroType, v any) ([]byte, bool) {
	start, count, ok := len(dst), 0, true
	dst = append(dst, 0)
	switch v := v.(type) {
	case []any:
		ok = t.kind == "array"
		for count < len(v) && ok {
			dst, ok = d.append(dst, t.elem, v[count])
			count++
		}
	case map[string]any:
		ok = t.kind == "map"
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for count < len(keys) && ok {
			dst = append(appendLongValue(dst, int64(len(keys[count]))), keys[count]...)
			dst, ok = d.append(dst, t.elem, v[keys[count]])
			count++
		}
	default:
		ok = false
	}
	return endBlock(dst, start, count), ok
}

// appendLongValue appends an int or a long.
func appendLongValue(dst []byte, v int64) []byte {
	return binary.AppendVarint(dst, v)
}
