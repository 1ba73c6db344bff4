package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
)

const (
	lookupLimit = 5 * time.Second  // of one schema
	retryAfter  = 10 * time.Second // after the registry failed to answer
	// After an answer that took long to fail, retryAfter is this many times as long,
	// so that a registry that never answers takes a few percent of the time.
	retryFactor = 20
	missedFor   = time.Minute // a missing schema is looked up again then

	// Keys or values of a topic are looked up no further after this many schemas that
	// the registry does not have: without any that it has, and in all.
	missesAtFirst = 16
	missesInAll   = 200
)

// column is the keys or the values of a topic.
type column struct {
	topic string
	key   bool
}

func (c column) String() string {
	if c.key {
		return "key"
	}
	return "value"
}

// header returns the name of the header that may have the ID of the schema.
func (c column) header() string {
	if c.key {
		return keyHeader
	}
	return valueHeader
}

// sightings are what lookups for a column have found.
type sightings struct {
	hit    bool // a record has been decoded
	misses int
}

// The kinds of errors that do not depend on the schema.
const (
	notFramed = "not framed"
	missing   = "missing"
	absent    = "absent" // missing, and it can't be something else
	ambiguous = "ambiguous"
	away      = "away"
	unasked   = "unasked"
)

// errUnasked is that the registry would have to be asked, which the caller does not want
// to wait for.
var errUnasked = errors.New("the registry has not been asked for it yet")

// Error is a key or a value that can't be decoded.
type Error struct {
	err  error
	kind string
	once string
}

func (e *Error) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.err }

// Once returns the same text for errors of which one is worth reporting.
func (e *Error) Once() string { return e.once }

// Unsure reports whether the bytes may have no schema: they only look framed.
func (e *Error) Unsure() bool { return e.kind == missing || e.kind == ambiguous || e.kind == absent }

// Certain reports whether the record is what is wrong: it must have a schema, and the
// registry has answered.
func (e *Error) Certain() bool {
	return e.kind != missing && e.kind != ambiguous && e.kind != away && e.kind != unasked
}

// Waits reports whether the registry has to be asked, and the caller did not want to wait.
func (e *Error) Waits() bool { return e.kind == unasked }

// Away reports whether the registry did not answer: the record may be right, and be decoded
// later.
func (e *Error) Away() bool { return e.kind == away }

// Away reports whether an error is that the registry did not answer, see [Error.Away].
func Away(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Away()
}

func (c column) errorf(kind, format string, args ...any) error {
	once := kind
	if kind != away {
		once = fmt.Sprint(kind, " ", c.key, " ", c.topic)
	}
	return &Error{fmt.Errorf(format, args...), kind, once}
}

// entry is the result of looking up a schema.
type entry struct {
	decode   payloadDecoder
	form     Form
	err      error
	missing  bool
	at       time.Time
	subjects []string
	asked    bool // for the subjects
}

func (d *Decoder) hit(c column) {
	d.mu.Lock()
	d.sightings(c).hit = true
	d.mu.Unlock()
}

func (d *Decoder) sightings(c column) *sightings {
	s := d.seen[c]
	if s == nil {
		s = &sightings{}
		d.seen[c] = s
	}
	return s
}

// schema returns the schema of a frame.
func (d *Decoder) schema(c column, f frame, form Form, wait func()) (*entry, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.schemas[f.id]
	if e == nil || e.missing && time.Since(e.at) > missedFor {
		s := d.sightings(c)
		if s.misses >= missesInAll || !s.hit && s.misses >= missesAtFirst {
			return nil, c.missing(f.id)
		}
		var err error
		if e, err = d.lookup(f.id, wait); errors.Is(err, errUnasked) {
			return nil, &Error{err, unasked, unasked}
		}
		if err != nil {
			return nil, c.errorf(away, "%v of the %s: %w", f.id, c, err)
		}
		if d.schemas[f.id] = e; e.missing {
			s.misses++
		}
	}
	switch {
	case e.missing:
		return nil, c.missing(f.id)
	case e.err != nil:
		return nil, c.errorf(f.id.String(), "%v of the %s: %w", f.id, c, e.err)
	case form != Detect && form != e.form:
		return nil, c.errorf(f.id.String(), "%v of the %s is for %s, not %s", f.id, c, e.form, form)
	case f.ambiguous && !d.sightings(c).hit && wait == nil && !e.asked:
		return nil, &Error{errUnasked, unasked, unasked}
	case f.ambiguous && !d.sightings(c).hit && !d.registered(c, f.id, e, wait):
		return nil, c.errorf(ambiguous, "the %s is an integer, or has %v, which is not registered for this topic", c, f.id)
	}
	return e, nil
}

func (c column) missing(id schemaID) error {
	return c.errorf(missing, "the %s is not framed, or the registry does not have its %v", c, id)
}

// ask makes a request of the registry, unless it has failed to answer shortly before. If
// wait is nil, it returns errUnasked instead.
func (d *Decoder) ask(wait func(), request func(ctx context.Context) error) error {
	if time.Now().Before(d.away) {
		return d.awayErr
	}
	if wait == nil {
		return errUnasked
	}
	wait()
	ctx, cancel := context.WithTimeout(d.ctx, lookupLimit)
	defer cancel()
	began := time.Now()
	err := request(ctx)
	if err == nil || isMissing(err) {
		return err
	}
	d.awayErr = fmt.Errorf("asking the registry: %w", err)
	if denied := (*RegistryError)(nil); errors.As(refused("asking for a schema", err), &denied) && denied.Denied() {
		d.awayErr = denied
	}
	d.away = time.Now().Add(max(retryAfter, retryFactor*time.Since(began)))
	return d.awayErr
}

// isMissing reports whether the registry has answered that it does not have something.
func isMissing(err error) bool {
	var response *sr.ResponseError
	return errors.As(err, &response) && slices.Contains([]int{http.StatusNotFound, http.StatusBadRequest, http.StatusUnprocessableEntity}, response.StatusCode)
}

// fetch fetches a schema with those that it refers to. The error is that the registry
// does not answer, or one for which isMissing is true.
func (d *Decoder) fetch(id schemaID, wait func()) (s sr.Schema, references []Reference, err error) {
	err = d.ask(wait, func(ctx context.Context) (err error) {
		if id.guid != "" {
			var subject sr.SubjectSchema
			subject, err = d.registry.SchemaByGUID(ctx, id.guid)
			s = subject.Schema
		} else {
			s, err = d.registry.SchemaByID(ctx, int(id.id))
		}
		if err == nil {
			references, err = fetchReferences(ctx, d.registry, s.References, map[string]bool{})
		}
		return err
	})
	return s, references, err
}

// lookup fetches a schema. The error is that the registry does not answer.
func (d *Decoder) lookup(id schemaID, wait func()) (*entry, error) {
	s, fetched, err := d.fetch(id, wait)
	e := &entry{at: time.Now(), missing: isMissing(err)}
	if err != nil && !e.missing {
		return nil, err
	}
	if err != nil {
		return e, nil
	}
	var references []reference
	for _, r := range fetched {
		references = append(references, reference{r.Name, r.Text})
	}
	switch s.Type {
	case sr.TypeAvro:
		e.form = Avro
		var sch *Schema
		if sch, e.err = compileAvroReader(d.ctx, Source{Form: Avro, Text: s.Schema, References: sourceReferences(references)}); e.err == nil {
			e.decode = owned(sch.decode[Display])
		}
	case sr.TypeProtobuf:
		e.form = Protobuf
		ctx, cancel := context.WithTimeout(d.ctx, lookupLimit)
		defer cancel()
		e.decode, e.err = protobufDecoder(ctx, s, references)
	case sr.TypeJSON:
		e.form = "JSON Schema"
		e.decode = jsonPayload
	default:
		e.err = fmt.Errorf("its type %v is not Avro, Protobuf or JSON Schema", s.Type)
	}
	return e, nil
}

// registered reports whether a subject of a schema is the column's, by the default
// naming strategy.
func (d *Decoder) registered(c column, id schemaID, e *entry, wait func()) bool {
	if !e.asked {
		var versions []sr.SubjectVersion
		err := d.ask(wait, func(ctx context.Context) (err error) {
			versions, err = d.registry.SchemaVersionsByID(ctx, int(id.id))
			return err
		})
		if e.asked = err == nil || isMissing(err); err != nil {
			return false
		}
		for _, v := range versions {
			e.subjects = append(e.subjects, v.Subject)
		}
	}
	return slices.ContainsFunc(e.subjects, func(subject string) bool {
		name := subject[strings.LastIndexByte(subject, ':')+1:] // after a context such as :.dev:
		return name == c.topic+"-"+c.String()
	})
}
