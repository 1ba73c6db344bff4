package query

import (
	"strings"
	"unicode/utf8"

	"inv/internal/kafka/fetch"

	"github.com/itchyny/gojq"
)

// variable compiles $key, $partition and the like, nil for anything else.
func variable(f *gojq.Func) operand {
	if len(f.Args) > 0 {
		return nil
	}
	switch f.Name {
	case "$key":
		return ofRecord(func(r *fetch.Record) value { return bytesValue(r.Key) })
	case "$topic":
		return ofRecord(func(r *fetch.Record) value { return value{kind: kindString, text: []byte(r.Topic)} })
	case "$partition":
		return ofRecord(func(r *fetch.Record) value { return integer(int64(r.Partition)) })
	case "$offset":
		return ofRecord(func(r *fetch.Record) value { return integer(r.Offset) })
	case "$timestamp":
		return ofRecord(func(r *fetch.Record) value { return integer(r.Timestamp) })
	}
	return nil
}

// ofRecord is an operand that is null without a record.
func ofRecord(get func(*fetch.Record) value) operand {
	return func(in *Input) value {
		if in.Record == nil {
			return value{}
		}
		return get(in.Record)
	}
}

// headerOperand compiles $headers.name and $headers["name"]: the last header with
// that name, as in the object that gojq gets.
func headerOperand(t *gojq.Term) operand {
	if len(t.SuffixList) != 1 || t.SuffixList[0].Iter || t.SuffixList[0].Optional || len(t.Func.Args) > 0 {
		return nil
	}
	key, ok := name(t.SuffixList[0].Index)
	if !ok || !utf8.ValidString(key) || strings.ContainsRune(key, utf8.RuneError) {
		return nil
	}
	return ofRecord(func(r *fetch.Record) (found value) {
		r.EachHeader(func(k, v []byte) bool {
			if string(k) == key {
				found = bytesValue(v)
			}
			return true
		})
		return found
	})
}

func bytesValue(b []byte) value {
	switch {
	case b == nil:
		return value{}
	case !utf8.Valid(b):
		return value{kind: kindUnsure}
	}
	return value{kind: kindString, text: b}
}

func integer(n int64) value {
	if n > 1<<53 || n < -1<<53 {
		return value{kind: kindUnsure} // no float64 has it
	}
	return value{kind: kindNumber, number: float64(n)}
}
