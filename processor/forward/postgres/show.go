package postgres

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode"

	"inv/internal/jsonscan"
	"inv/processor/forward"
)

// Show implements [forward.Store]: it writes a statement that has the effect of the record,
// but for the condition under which an older row stays.
func (s *Store) Show(w io.Writer, r *forward.Record) error {
	t, err := s.tableOf(r)
	if err != nil {
		return s.hide(err)
	}
	var e encoder
	row, ok, err := e.append(nil, t, r)
	switch {
	case err != nil:
		return s.hide(err)
	case !ok:
		_, err = fmt.Fprintf(w, "-- %s: no row has this key\n", r.At)
		return err
	}
	var names, values []string
	row = row[2:]
	for i := range t.columns {
		var value string
		if value, row, err = literal(&t.columns[i], row); err != nil {
			return err
		}
		names = append(names, quoteName(t.columns[i].name))
		values = append(values, value)
	}
	var b strings.Builder
	switch {
	case t.upsert && r.Value == nil:
		fmt.Fprintf(&b, "DELETE FROM %s WHERE %s = %s AND _topic = %s AND _partition = %s AND _offset < %s;\n",
			t.quoted, names[t.key], values[t.key], values[t.place], values[t.place+1], values[t.place+2])
	case t.upsert:
		fmt.Fprintf(&b, "INSERT INTO %s (%s) VALUES (%s) ON CONFLICT (%s) DO UPDATE SET %s;\n",
			t.quoted, strings.Join(names, ", "), strings.Join(values, ", "), names[t.key], assignments(t, names))
	default:
		fmt.Fprintf(&b, "INSERT INTO %s (%s) VALUES (%s);\n", t.quoted, strings.Join(names, ", "), strings.Join(values, ", "))
	}
	_, err = io.WriteString(w, b.String())
	return err
}

func assignments(t *table, names []string) string {
	var set []string
	for i, name := range names {
		if i != t.key {
			set = append(set, name+" = excluded."+name)
		}
	}
	return strings.Join(set, ", ")
}

// literal returns the SQL of a column's value as it is encoded, and the rest of the row.
func literal(c *tableColumn, row []byte) (string, []byte, error) {
	size := int32(binary.BigEndian.Uint32(row))
	row = row[4:]
	if size < 0 {
		return "NULL", row, nil
	}
	v, rest := row[:size], row[size:]
	switch c.sql {
	case "integer":
		return strconv.Itoa(int(int32(binary.BigEndian.Uint32(v)))), rest, nil
	case "bigint":
		return strconv.FormatInt(int64(binary.BigEndian.Uint64(v)), 10), rest, nil
	case "double precision":
		f := math.Float64frombits(binary.BigEndian.Uint64(v))
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Sprintf("'%v'", f), rest, nil
		}
		return strconv.FormatFloat(f, 'g', -1, 64), rest, nil
	case "boolean":
		return strconv.FormatBool(v[0] == 1), rest, nil
	case "timestamp with time zone":
		return timeLiteral(int64(binary.BigEndian.Uint64(v))/1000 + epoch2000), rest, nil
	case "jsonb":
		flags, ok := jsonscan.Valid(v[1:])
		if !ok {
			return "", nil, fmt.Errorf("column %s is not JSON", c.name)
		}
		return printable(jsonscan.AppendSafe(nil, v[1:], flags)), rest, nil
	case "text":
		return printable(v), rest, nil
	}
	return decimalLiteral(v), rest, nil
}

// timeLiteral returns epoch milliseconds as a time.
func timeLiteral(ms int64) string {
	t := time.UnixMilli(ms).UTC()
	if y := t.Year(); y < 1 || y > 9999 {
		return fmt.Sprintf("to_timestamp(%d / 1000.0)", ms)
	}
	return "'" + t.Format("2006-01-02T15:04:05.000Z07:00") + "'"
}

// decimalLiteral returns a numeric as it is encoded by [encoder.appendDecimal].
func decimalLiteral(v []byte) string {
	word := func(i int) int { return int(int16(binary.BigEndian.Uint16(v[2*i:]))) }
	count, weight, scale := word(0), word(1), word(3)
	digits := new(big.Int)
	for i := range count {
		digits.Add(digits.Mul(digits, big.NewInt(10000)), big.NewInt(int64(word(4+i))))
	}
	// The value is digits × 10000^(weight+1-count); its text has scale decimals.
	behind := decimalBase * (count - weight - 1)
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(0, -behind))), nil)
	text := new(big.Rat).SetFrac(digits.Mul(digits, power), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(0, behind))), nil)).FloatString(scale)
	if word(2) != 0 {
		return "-" + text
	}
	return text
}

// printable returns text as a literal of printable characters.
func printable(text []byte) string {
	var b strings.Builder
	escaped := false
	for _, r := range string(text) {
		switch {
		case r == '\'':
			b.WriteString("''")
			continue
		case r == '\\':
			b.WriteString(`\\`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
			continue
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		escaped = true
	}
	if escaped {
		return "E'" + b.String() + "'"
	}
	return "'" + b.String() + "'"
}
