package inspect

import (
	"errors"

	"inv/internal/jsonscan"
	"inv/internal/query"
)

// filter decides which records are shown.
type filter struct {
	fields    jsonscan.Fields
	values    [][]byte
	condition *query.Condition
}

// match reports whether a record passes; a nil filter passes all.
func (f *filter) match(r *Record) bool {
	if f == nil {
		return true
	}
	in := query.Input{Record: r, Value: r.Value, Fields: f.values}
	in.JSON = r.Value != nil && f.fields.Scan(r.Value, f.values)
	return f.condition.Match(&in)
}

func filterError(err error) error {
	var q *query.Error
	if errors.As(err, &q) && q.Offset >= 0 {
		return usagef("--filter: %v\n%s", q, q.Pointed())
	}
	return usagef("--filter: %v", err)
}
