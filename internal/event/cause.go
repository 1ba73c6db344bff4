package event

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Cause is the record that caused an update and, for an order, the line in it, from
// 0. Catalogue records and receipts have line 0.
type Cause struct {
	Topic     string
	Partition int32
	Offset    int64
	Line      int32
}

// Append appends the cause as topic/partition@offset#line.
func (c Cause) Append(dst []byte) []byte {
	dst = append(append(dst, c.Topic...), '/')
	dst = strconv.AppendInt(dst, int64(c.Partition), 10)
	dst = strconv.AppendInt(append(dst, '@'), c.Offset, 10)
	return strconv.AppendInt(append(dst, '#'), int64(c.Line), 10)
}

func (c Cause) String() string { return string(c.Append(nil)) }

// ParseCause reads exactly what Append writes. The topic aliases s.
func ParseCause(s string) (Cause, error) {
	topic, rest, ok1 := strings.Cut(s, "/")
	partition, rest, ok2 := strings.Cut(rest, "@")
	offset, line, ok3 := strings.Cut(rest, "#")
	p, ok4 := plainNumber(partition, 31)
	o, ok5 := plainNumber(offset, 63)
	l, ok6 := plainNumber(line, 31)
	if topic == "" || !(ok1 && ok2 && ok3 && ok4 && ok5 && ok6) {
		return Cause{}, fmt.Errorf("%s is not topic/partition@offset#line", quote(s))
	}
	return Cause{topic, int32(p), o, int32(l)}, nil
}

// Place is the position of a record, written topic/partition@offset.
type Place struct {
	Topic     string
	Partition int32
	Offset    int64
}

func (p Place) String() string {
	c := Cause{Topic: p.Topic, Partition: p.Partition, Offset: p.Offset}.Append(nil)
	return string(bytes.TrimSuffix(c, []byte("#0")))
}

// ParsePlace reads exactly what String writes.
func ParsePlace(s string) (Place, error) {
	c, err := ParseCause(s + "#0")
	if err != nil {
		return Place{}, fmt.Errorf("%s is not topic/partition@offset", quote(s))
	}
	return Place{c.Topic, c.Partition, c.Offset}, nil
}

// plainNumber reads decimal digits without sign or leading zeros.
func plainNumber(s string, bits int) (int64, bool) {
	if s == "" || s[0] == '+' || s[0] == '-' || len(s) > 1 && s[0] == '0' {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, bits+1)
	return n, err == nil
}
