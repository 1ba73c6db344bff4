package query

import (
	"bytes"
	"unicode/utf8"

	"github.com/itchyny/gojq"
)

// variable compiles $key, $partition and their like.
func variable(f *gojq.Func) (operand, bool) {
	if len(f.Args) > 0 {
		return nil, false
	}
	number := func(of func(*Input) int64) operand {
		return func(in *Input) value {
			if in.Record == nil {
				return value{kind: kindNull}
			}
			n := of(in)
			if n > 1<<53 || n < -1<<53 {
				return value{kind: kindUnsure}
			}
			return value{kind: kindNumber, number: float64(n)}
		}
	}
	switch f.Name {
	case "$key":
		return func(in *Input) value {
			if in.Record == nil {
				return value{kind: kindNull}
			}
			return bytesValue(in.Record.Key)
		}, true
	case "$topic":
		return func(in *Input) value {
			if in.Record == nil {
				return value{kind: kindNull}
			}
			return value{kind: kindString, text: []byte(in.Record.Topic)}
		}, true
	case "$partition":
		return number(func(in *Input) int64 { return int64(in.Record.Partition) }), true
	case "$offset":
		return number(func(in *Input) int64 { return in.Record.Offset }), true
	case "$timestamp":
		return number(func(in *Input) int64 { return in.Record.Timestamp }), true
	}
	return nil, false
}

// headerOperand compiles $headers.name and $headers["name"]: the last header
// of that name, as in the object that gojq is given.
func headerOperand(t *gojq.Term) (operand, bool) {
	if len(t.SuffixList) != 1 || t.SuffixList[0].Iter || t.SuffixList[0].Optional || len(t.Func.Args) > 0 {
		return nil, false
	}
	key, ok := name(t.SuffixList[0].Index)
	if !ok || !utf8.ValidString(key) || bytes.ContainsRune([]byte(key), utf8.RuneError) {
		return nil, false
	}
	return func(in *Input) value {
		if in.Record == nil {
			return value{kind: kindNull}
		}
		found := value{kind: kindNull}
		in.Record.EachHeader(func(k, v []byte) bool {
			if string(k) == key {
				found = bytesValue(v)
			}
			return true
		})
		return found
	}, true
}

func bytesValue(b []byte) value {
	switch {
	case b == nil:
		return value{kind: kindNull}
	case !utf8.Valid(b):
		return value{kind: kindUnsure}
	}
	return value{kind: kindString, text: b}
}
