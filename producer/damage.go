package producer

import (
	"bytes"
	"encoding/json"
	"slices"
)

// damage returns a record's value with its fault. It reports false if the record can't
// have the fault: a tombstone has no field of a wrong type. Faults are rare, so it may
// allocate.
func damage(rec *Record, kind fault, h uint64, format string, size int) (value []byte, ok bool) {
	r := mix(h + saltDetail)
	switch kind {
	case malformed:
		return malform(rec.Value, r, format), true
	case tombstone:
		return nil, rec.Value != nil && rec.Key != nil
	case wrongType:
		return retype(rec.Value, r)
	case oversize:
		return inflate(rec.Value, format, size, r), rec.Value != nil
	}
	return rec.Value, true
}

// malform returns a value that no parser of its format accepts.
func malform(value []byte, r uint64, format string) []byte {
	out := append([]byte{}, value...) // not nil, which is a tombstone
	cut := out[:min(len(out), 1+int(below(mix(r), uint64(max(len(out)-1, 1)))))]
	switch format {
	case "csv":
		return malformCSV(out, cut, r)
	case "xml":
		if below(r, 2) == 0 {
			return cut
		}
		return []byte{}
	}
	switch below(r, 6) {
	case 0:
		return cut
	case 1:
		return []byte{}
	case 2: // plain text
		return []byte("this is not JSON")
	case 3: // an extra brace
		return append(out, '}')
	case 4: // single quotes
		if quoted := bytes.ReplaceAll(out, []byte(`"`), []byte(`'`)); !bytes.Equal(quoted, out) {
			return quoted
		}
		return append(out, '}')
	}
	return append([]byte("\xef\xbb\xbf<record>"), out...) // a byte order mark and markup
}

// malformCSV returns a value with an odd number of quotes, in which a quoted field is
// never closed or a quote is in the middle of another one. Hardly anything else is wrong
// in a CSV record without a schema.
func malformCSV(value, cut []byte, r uint64) []byte {
	switch below(r, 3) {
	case 0: // cut off in a quoted field
		if bytes.Count(cut, []byte(`"`))%2 == 0 {
			cut = append(cut[:len(cut):len(cut)], `,"`...)
		}
		return cut
	case 1: // a quote too many
		return slices.Insert(value, len(cut), '"')
	}
	return append([]byte(`"`), value...)
}

// retype replaces the value of a field of a JSON object with one of another type; false
// if it has no field.
func retype(value []byte, r uint64) ([]byte, bool) {
	fields := topFields(value)
	if len(fields) == 0 {
		return value, false
	}
	at := fields[below(r, uint64(len(fields)))]
	old := value[at[0]:at[1]]
	replacement := []byte(`"not a value of this type"`)
	switch old[0] {
	case '"':
		replacement = []byte("12345")
	case 't', 'f', 'n':
		replacement = []byte(`"maybe"`)
	case '{', '[':
	default:
		replacement = []byte(`"` + string(old) + `"`)
	}
	return slices.Concat(value[:at[0]], replacement, value[at[1]:]), true
}

// topFields returns where the values of a JSON object's fields are.
func topFields(value []byte) (spans [][2]int) {
	eachField(value, func(_ string, span [2]int) { spans = append(spans, span) })
	return spans
}

// spanOf returns where the value of a field is.
func spanOf(value []byte, name string) (at [2]int) {
	eachField(value, func(field string, span [2]int) {
		if field == name {
			at = span
		}
	})
	return at
}

func eachField(value []byte, yield func(name string, span [2]int)) {
	d := json.NewDecoder(bytes.NewReader(value))
	d.Token() // the brace
	for d.More() {
		var field json.RawMessage
		name, err := d.Token()
		if err != nil || d.Decode(&field) != nil {
			return
		}
		text, _ := name.(string)
		end := int(d.InputOffset())
		yield(text, [2]int{end - len(field), end})
	}
}

// paddingDigits are six bits each, so that no compression makes the padding shorter than
// three quarters.
const paddingDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// paddingOf returns how many digits of padding still are a size, in bytes, compressed.
func paddingOf(size int) int { return (4*size + 2) / 3 }

// padding returns digits that have a size, in bytes, even if they are compressed.
func padding(size int, r uint64) []byte {
	out := make([]byte, paddingOf(size))
	for i := range out {
		if i%10 == 0 {
			r = mix(r + golden)
		}
		out[i] = paddingDigits[r>>(6*(i%10))&63]
	}
	return out
}

// inflate pads a value, in a field of its own, so that it has a size, in bytes, even if
// it is compressed.
func inflate(value []byte, format string, size int, r uint64) []byte {
	padding := padding(size, r)
	switch end := len(value) - 1; {
	case format == "csv":
		return slices.Concat(value, []byte(","), padding)
	case format == "xml":
		root := max(bytes.LastIndex(value, []byte("</")), 0)
		return slices.Concat(value[:root], []byte("<padding>"), padding, []byte("</padding>"), value[root:])
	case end < 1: // a tombstone
		return value
	default:
		name := `"padding":"`
		for bytes.Contains(value, []byte(name)) {
			name = `"` + "_" + name[1:]
		}
		if end > 1 {
			name = "," + name
		}
		return slices.Concat(value[:end], []byte(name), padding, []byte(`"}`))
	}
}
