package inspect

import (
	"errors"
	"sync"
)

// Reasons are the kinds of errors of decoding that were reported. It is safe for concurrent
// use.
type Reasons struct {
	mu   sync.Mutex
	seen map[string]bool
}

// mostReasons bounds how many are reported.
const mostReasons = 20

// Report calls report with the error of a [SchemaDecoder] for a record of a topic, or with
// each of those that it joins, once for each kind and up to 20 times in all.
func (k *Reasons) Report(topic string, err error, report func(err error)) {
	for _, err := range Joined(err) {
		kind := topic + " " + err.Error()
		var once interface{ Once() string }
		if errors.As(err, &once) {
			kind = once.Once()
		}
		if k.add(kind) {
			report(err)
		}
	}
}

// add reports whether a kind is to be reported.
func (k *Reasons) add(kind string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.seen[kind] || len(k.seen) == mostReasons {
		return false
	}
	if k.seen == nil {
		k.seen = map[string]bool{}
	}
	k.seen[kind] = true
	return true
}

// Joined returns the errors that an error joins, or it alone; none for nil.
func Joined(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, err := range joined.Unwrap() {
		all = append(all, Joined(err)...)
	}
	return all
}
