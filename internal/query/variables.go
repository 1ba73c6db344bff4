package query

import (
	"strings"

	"inv/internal/jq"
	"inv/internal/kafka/fetch"
)

// The variables in the order of their names.
const (
	ofKey = iota + 1
	ofTopic
	ofPartition
	ofOffset
	ofTimestamp
	ofHeaders
	ofHeaderList
)

// Variable returns a part of the record for a condition; without a record it is null.
func (in *Input) Variable(i int) jq.Value {
	r := in.Record
	if r == nil {
		return jq.Value{}
	}
	switch i {
	case ofKey:
		return jq.Text(r.Key)
	case ofTopic:
		return jq.Text([]byte(r.Topic))
	case ofPartition:
		return jq.Int(int64(r.Partition))
	case ofOffset:
		return jq.Int(r.Offset)
	case ofTimestamp:
		return jq.Int(r.Timestamp)
	}
	return jq.Unknown()
}

// Member returns the last header of a name, as in the object that gojq gets.
func (in *Input) Member(i int, key string) (found jq.Value) {
	switch {
	case in.Record == nil:
		return found
	case i != ofHeaders || strings.Contains(key, "\ufffd"):
		return jq.Unknown()
	}
	in.Record.EachHeader(func(k, v []byte) bool {
		if string(k) == key {
			found = jq.Text(v)
		}
		return true
	})
	return found
}

// Native returns a part of the record as gojq has it.
func (in *Input) Native(i int) any {
	r := in.Record
	if r == nil {
		return nil
	}
	switch i {
	case ofKey:
		return text(r.Key)
	case ofTopic:
		return r.Topic
	case ofPartition:
		return int(r.Partition)
	case ofOffset:
		return int(r.Offset)
	case ofTimestamp:
		return int(r.Timestamp)
	case ofHeaders:
		return headers(r)
	}
	return headerPairs(r)
}

func headers(r *fetch.Record) any {
	all := map[string]any{}
	r.EachHeader(func(k, v []byte) bool {
		all[strings.ToValidUTF8(string(k), "\ufffd")] = text(v)
		return true
	})
	return all
}

func headerPairs(r *fetch.Record) any {
	all := []any{}
	r.EachHeader(func(k, v []byte) bool {
		all = append(all, map[string]any{"key": strings.ToValidUTF8(string(k), "\ufffd"), "value": text(v)})
		return true
	})
	return all
}

// text is a string for gojq, or nil for null.
func text(b []byte) any {
	if b == nil {
		return nil
	}
	return strings.ToValidUTF8(string(b), "\ufffd")
}
