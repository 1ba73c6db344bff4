package dashboard

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"inv/internal/kafka/acl"
	"inv/internal/kafka/fetch"
)

// Denied is a permission that is missing, and what is incomplete or stale for lack of
// it.
type Denied struct {
	Operation string `json:"operation"` // as Kafka names it, such as Read
	Resource  string `json:"resource"`  // topic or group
	Name      string `json:"name"`
	Section   string `json:"section"` // the source, or lag
	AsOf      int64  `json:"as_of"`   // when it was last read, epoch ms; 0: never
}

// String returns the permission, such as "Read topic orders".
func (d Denied) String() string {
	return strings.Join([]string{d.Operation, d.Resource, d.Name}, " ")
}

// sectionLag is the section of the processor's lag; the others are the sources'.
const sectionLag = "lag"

func (s Source) String() string {
	return [...]string{"catalog", "updates", "reorders", "alerts", "receipts", "dead_letters", "topologies"}[s]
}

// deniedOf returns what is missing. For a topic that is Read, also if it is Describe that
// was refused, which Read implies: Describe alone would not help.
func deniedOf(err error, section string, asOf int64) Denied {
	d := Denied{Section: section, AsOf: asOf}
	var denied *acl.DeniedError
	if errors.As(err, &denied) {
		d.Operation, d.Resource, d.Name = string(denied.Operation), string(denied.Resource.Kind), clip(denied.Resource.Name)
		if denied.Resource.Kind == acl.KindTopic {
			d.Operation = string(acl.Read)
		}
	}
	return d
}

// DeniedError is returned by [Once] if permissions are missing.
type DeniedError struct{ Denied []Denied }

func (e *DeniedError) Error() string {
	texts := make([]string, len(e.Denied))
	for i, d := range e.Denied {
		texts[i] = "not authorized to " + d.String()
	}
	return "what is shown is incomplete: " + strings.Join(texts, ", ")
}

// denied returns what is missing for some sections.
func (s *Status) denied(sections ...string) (some []Denied) {
	for _, d := range s.Denied {
		if slices.Contains(sections, d.Section) {
			some = append(some, d)
		}
	}
	return some
}

// refusals are the topics that a session can't read now. It is safe for concurrent
// use.
type refusals struct {
	mu    sync.Mutex
	byKey map[string]*refusal // by topic
}

type refusal struct {
	err    error
	parts  map[fetch.ID]bool // the partitions that were refused; nil: the topic
	extent extent
	asOf   int64
}

// extent is how much of a topic was read before it was refused.
type extent uint8

const (
	followed extent = iota // all; the stream tries on and continues where it stopped
	partial                // part of what it held: only a new session can read the rest
	unread                 // nothing
)

// add adds a refusal of a topic, or of the partition part. asOf is when the topic was
// last read, in epoch ms.
func (r *refusals) add(topic string, part *fetch.ID, err error, e extent, asOf int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := r.byKey[topic]
	if one == nil {
		one = &refusal{extent: e, asOf: asOf}
		if r.byKey == nil {
			r.byKey = map[string]*refusal{}
		}
		r.byKey[topic] = one
	}
	one.err, one.extent = err, max(one.extent, e)
	if part != nil {
		if one.parts == nil {
			one.parts = map[fetch.ID]bool{}
		}
		one.parts[*part] = true
	}
}

// heard removes the refusal of a partition that was read, and that of its topic with
// the last one.
func (r *refusals) heard(id fetch.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := r.byKey[id.Topic]
	if one == nil {
		return
	}
	if delete(one.parts, id); len(one.parts) == 0 && one.extent == followed {
		delete(r.byKey, id.Topic)
	}
}

// has reports whether a topic is refused, and how much of it was read.
func (r *refusals) has(topic string) (extent, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := r.byKey[topic]
	if one == nil {
		return followed, false
	}
	return one.extent, true
}

// remove removes the refusal of a topic.
func (r *refusals) remove(topic string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.byKey, topic)
}

// list returns the refusals by topic.
func (r *refusals) list(sources map[string]Source) (list []Denied) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for topic, one := range r.byKey {
		list = append(list, deniedOf(one.err, sources[topic].String(), one.asOf))
	}
	slices.SortFunc(list, func(a, b Denied) int { return cmp.Or(cmp.Compare(a.Section, b.Section), cmp.Compare(a.Name, b.Name)) })
	return list
}

// heardOf returns when all partitions of a topic were last heard from, in epoch ms; 0:
// never.
func (s *session) heardOf(topic string) (asOf int64) {
	for id, p := range s.parts {
		if at := p.heard.UnixMilli(); id.Topic == topic && (asOf == 0 || at < asOf) {
			asOf = at
		}
	}
	return asOf
}

// complain logs the permissions that are missing since the last call, once each, and
// those that are back.
func (r *reader) complain(now []Denied) {
	for _, d := range now {
		if text := d.String(); !r.told[text] {
			r.told[text] = true
			r.log("not authorized to " + text)
		}
	}
	for text := range r.told {
		if !slices.ContainsFunc(now, func(d Denied) bool { return d.String() == text }) {
			delete(r.told, text)
			r.log("authorized again: " + text)
		}
	}
}

// permittedError ends a session for a new one that reads the whole of a topic.
type permittedError struct{ topic string }

func (e *permittedError) Error() string {
	return fmt.Sprintf("topic %s can be read again; starting over", e.topic)
}
