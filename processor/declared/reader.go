package declared

import (
	"fmt"
	"math"
	"time"

	"inv/internal/convert"
	"inv/internal/event"
	"inv/internal/jq"
	"inv/internal/jsonscan"
	"inv/internal/scenario"
)

// Record is a record of an input. It is borrowed for the time of a call.
type Record struct {
	Input int // index in the topology's from
	Origin
	Key, Value []byte   // nil: null; what has a schema is JSON and its text here
	Headers    []Header // only if [Program.UsesHeaders]
}

// Header is a header of a record; its Value may be nil.
type Header struct {
	Key   string
	Value []byte
}

// maxFanOut bounds the text of all lines, or elements and rows, of a record.
const maxFanOut = 16 << 20

// reader reads the records of an input, up to their elements and joined rows.
type reader struct {
	*inputProgram
	e       *jq.Evaluator
	tables  Tables
	xml     *convert.XML
	csv     *convert.CSV
	ahead   *time.Duration // by which times may be after timestamps; nil: without a limit
	headed  bool           // expressions or lines want headers
	lined   bool           // lines do
	inName  []byte
	numbers variableNumbers

	found     [][]byte
	flags     jsonscan.Flags
	record    []byte // JSON, as it came
	converted []byte // from another format
	topic     []byte
	headers   []byte // an object
	time      int64
	timed     bool // the time is known

	elements []byte
	ends     []int

	element jq.Value // what follows each has it as "."
	key     []byte   // of a join
	rows    []byte   // of the element, by name
}

// variableNumbers are those of a scope; 0: not used.
type variableNumbers struct{ i, key, t, in, topic, partition, offset, headers int }

func newReader(p *Program, in *inputProgram, tables Tables) *reader {
	r := &reader{inputProgram: in, e: &jq.Evaluator{}, tables: tables, inName: []byte(in.Alias), ahead: p.Topology.Ahead}
	v := in.scope.variable
	r.numbers = variableNumbers{v("$i"), v("$key"), v("$t"), v("$in"), v("$topic"), v("$partition"), v("$offset"), v("$headers")}
	r.lined = p.headers()
	r.headed = r.numbers.headers > 0 || r.lined
	r.found = make([][]byte, in.scope.fields.Len())
	switch in.Format {
	case "xml":
		r.xml, _ = convert.NewXML(in.Lists) // Compile has refused wrong lists
	case "csv":
		r.csv, _ = convert.NewCSV(in.Columns)
	}
	return r
}

// read reads a record up to its elements: where it was not dropped. The error is an
// *ExpressionError or a *refusalError.
func (r *reader) read(rec *Record) (Outcome, error) {
	r.timed = false
	if rec.Value == nil {
		return Dropped, nil
	}
	if err := r.parse(rec.Value); err != nil {
		return Refused, err
	}
	r.setVariables(rec)
	if r.early {
		if err := r.readTime(rec); err != nil {
			return Refused, err
		}
	}
	if r.where != nil {
		holds, err := r.where.matches(r.e)
		if err != nil {
			return Refused, err
		}
		if !holds {
			if !r.timed {
				_ = r.readTime(rec) // for the time of the partition; one without it counts for nothing
			}
			return Dropped, nil
		}
	}
	if !r.timed {
		if err := r.readTime(rec); err != nil {
			return Refused, err
		}
	}
	if r.each == nil {
		r.element = jq.JSON(r.record)
		return Routed, nil
	}
	if err := r.explode(); err != nil {
		return Refused, err
	}
	if len(r.ends) == 0 {
		return Dropped, nil
	}
	return Routed, nil
}

// parse makes the value JSON and finds the fields that expressions want.
func (r *reader) parse(value []byte) error {
	var err error
	switch {
	case r.xml != nil:
		if r.converted, err = r.xml.AppendJSON(r.converted[:0], value); err != nil {
			return refused(ReasonNotXML, "the value is not XML: %v", err)
		}
		value = r.converted
	case r.csv != nil:
		if r.converted, err = r.csv.AppendJSON(r.converted[:0], value); err != nil {
			return refused(ReasonNotCSV, "the value is not CSV: %v", err)
		}
		value = r.converted
	}
	flags, ok := r.scope.fields.Find(value, r.found)
	if !ok {
		return refused(event.NotJSON, "the value is not one JSON document")
	}
	r.record, r.flags = value, flags
	r.e.SetRecord(jq.JSON(value), r.found)
	return nil
}

// setVariables sets those that a record has.
func (r *reader) setVariables(rec *Record) {
	n := &r.numbers
	set := func(variable int, v jq.Value) {
		if variable > 0 {
			r.e.Set(variable, v)
		}
	}
	if string(r.topic) != rec.Topic {
		r.topic = append(r.topic[:0], rec.Topic...)
	}
	if n.key > 0 {
		set(n.key, jq.Text(rec.Key))
	}
	set(n.in, jq.Text(r.inName))
	if n.topic > 0 {
		set(n.topic, jq.Text(r.topic))
	}
	set(n.partition, jq.Int(int64(rec.Partition)))
	set(n.offset, jq.Int(rec.Offset))
	set(n.i, jq.Value{})
	if r.headed {
		r.headers = appendHeaders(r.headers[:0], rec.Headers)
		set(n.headers, jq.JSON(r.headers))
	}
}

// readTime finds the event time. The error is an *ExpressionError or a *refusalError.
func (r *reader) readTime(rec *Record) error {
	ms, err := r.eventTime(rec)
	if err != nil {
		return err
	}
	if r.ahead != nil && rec.Timestamp >= 0 && ms-rec.Timestamp > r.ahead.Milliseconds() {
		return refused(ReasonFuture, "its time %s is more than %v after its timestamp %s", utc(ms), *r.ahead, utc(rec.Timestamp))
	}
	r.time, r.timed = ms, true
	if r.numbers.t > 0 {
		r.e.Set(r.numbers.t, jq.Int(ms))
	}
	return nil
}

func (r *reader) eventTime(rec *Record) (int64, error) {
	if r.inputProgram.time != nil {
		v, ok, err := r.inputProgram.time.one(r.e)
		switch ms, number := v.Whole(); {
		case err != nil:
			return 0, err
		case !ok || v.IsNull():
		case !number || !validTime(ms):
			return 0, r.inputProgram.time.fails(fmt.Errorf("the time is %s; it must be a number of milliseconds from 0 to %d", described(v), event.MaxTime))
		default:
			return ms, nil
		}
	}
	if r.timeAt >= 0 && r.found[r.timeAt] != nil {
		if ms, ok := jq.JSON(r.found[r.timeAt]).Whole(); ok && validTime(ms) {
			return ms, nil
		}
	}
	return event.ClampTime(rec.Timestamp), nil
}

// described is a value in a message: a number, or its type.
func described(v jq.Value) string {
	if f, ok := v.Number(); ok && math.Abs(f) < 1e21 {
		return fmt.Sprint(f)
	}
	return article(v.Type())
}

// explode evaluates each.
func (r *reader) explode() error {
	r.elements, r.ends = r.elements[:0], r.ends[:0]
	results, err := r.each.Eval(r.e)
	if err != nil {
		return r.each.fails(err)
	}
	for _, v := range results {
		if r.elements = v.AppendJSON(r.elements); len(r.elements) > maxFanOut {
			return refused(event.TooLarge, "the elements have more than %d MiB", maxFanOut>>20)
		}
		r.ends = append(r.ends, len(r.elements))
	}
	return nil
}

// count returns the number of the record's elements, 1 without each.
func (r *reader) count() int {
	if r.each == nil {
		return 1
	}
	return len(r.ends)
}

// enter makes an element "." and joins its rows. It reports false if the element is
// dropped. An error that is neither an *ExpressionError nor a *refusalError is one of the
// tables.
func (r *reader) enter(i int) (bool, error) {
	if r.each != nil {
		start := 0
		if i > 0 {
			start = r.ends[i-1]
		}
		r.element = jq.JSON(r.elements[start:r.ends[i]:r.ends[i]])
		r.e.SetRecord(r.element, nil)
		if r.numbers.i > 0 {
			r.e.Set(r.numbers.i, jq.Int(int64(i)))
		}
	}
	if len(r.joins) == 0 {
		return true, nil
	}
	return r.join()
}

func (r *reader) join() (bool, error) {
	r.rows = append(r.rows[:0], '{')
	for i := range r.joins {
		j := &r.joins[i]
		if i > 0 {
			r.rows = append(r.rows, ',')
		}
		r.rows = append(jsonscan.AppendString(r.rows, []byte(j.Name)), ':')
		start := len(r.rows)
		found, err := r.row(j)
		switch {
		case err != nil:
			return false, err
		case found:
		case j.Missing == scenario.MissingDrop:
			return false, nil
		case j.Missing == scenario.MissingDeadLetter:
			return false, refused(ReasonMissingRow, "%s has no row for the key %s", j.Table, quoted(r.key))
		default:
			r.rows = append(r.rows, "null"...)
		}
		if j.variable > 0 {
			// That more is appended, and may move the text, leaves these bytes as they are.
			r.e.Set(j.variable, jq.JSON(r.rows[start:len(r.rows):len(r.rows)]))
		}
	}
	r.rows = append(r.rows, '}')
	return true, nil
}

// row appends the row of a join on one line, and reports whether there is one.
func (r *reader) row(j *joinProgram) (bool, error) {
	v, ok, err := j.key.one(r.e)
	if err != nil {
		return false, err
	}
	if r.key = r.key[:0]; !ok || v.IsNull() {
		r.key = append(r.key, "null"...)
		return false, nil
	}
	if r.key, ok = v.AppendText(r.key); !ok {
		return false, j.key.fails(fmt.Errorf("the key of a join is %s; it must be a string, a number, true or false", article(v.Type())))
	}
	text, err := r.tables.Row(j.Table, r.key)
	r.rows = append(r.rows, text...)
	return text != nil, err
}

// appendValue appends the element on one line.
func (r *reader) appendValue(dst []byte) []byte {
	if r.each == nil {
		return jsonscan.AppendSafe(dst, r.record, r.flags)
	}
	return r.element.AppendJSON(dst)
}

// manyHeaders is from how many on a map finds the repeated names.
const manyHeaders = 16

// appendHeaders appends headers as an object: the last value of each name, in the order of
// these.
func appendHeaders(dst []byte, headers []Header) []byte {
	var last map[string]int
	if len(headers) > manyHeaders {
		last = make(map[string]int, len(headers))
		for i, h := range headers {
			last[h.Key] = i
		}
	}
	repeated := func(i int) bool {
		if last != nil {
			return last[headers[i].Key] != i
		}
		for _, later := range headers[i+1:] {
			if later.Key == headers[i].Key {
				return true
			}
		}
		return false
	}
	dst = append(dst, '{')
	start := len(dst)
	for i, h := range headers {
		if repeated(i) {
			continue
		}
		if len(dst) > start {
			dst = append(dst, ',')
		}
		dst = append(jsonscan.AppendString(dst, []byte(h.Key)), ':')
		dst = jq.Text(h.Value).AppendJSON(dst)
	}
	return append(dst, '}')
}
