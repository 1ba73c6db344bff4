package registry

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"inv/internal/jsonscan"
)

// avroParser appends the Avro bytes of the JSON value that begins at e.text[at], and
// returns the index after it.
type avroParser func(e *avroEncoder, dst []byte, at int) (out []byte, end int, err error)

// avroEncoder is the state of encoding one value.
type avroEncoder struct {
	text    []byte
	base    int    // bytes before the value's
	scratch []byte // text without escapes, or digits
	spans   []int  // where the values of fields begin, of the records around

	// A record is read in one pass while its fields come in the order of the schema. The
	// first field that does not starts the value over, carefully: fields are found
	// first. The next value begins as this one turned out to be.
	careful, disordered bool

	quiet  int // branches of unions around that may not fit: errors need no text
	wasted int // bytes of JSON read for branches that did not fit
}

var (
	errDisorder = errors.New("the fields are not in the order of the schema")
	errMisfit   = errors.New("the value does not fit") // without a text, see quiet
	errNotJSON  = &ValueError{Text: "the value is not valid JSON"}
	errTooLarge = &ValueError{Text: fmt.Sprintf("the value is larger than %d MiB", maxJSON>>20)}
)

// newAvroEncoder returns the function that appends the payload of a JSON value.
func newAvroEncoder(t *avroType) (func(dst, json []byte) ([]byte, error), error) {
	c := avroParsers{records: map[*avroType]*avroRecord{}}
	parse, err := c.compile(t)
	if err != nil {
		return nil, err
	}
	encoders := &sync.Pool{New: func() any { return new(avroEncoder) }}
	return func(dst, json []byte) ([]byte, error) {
		if len(json) > maxJSON {
			return dst, errTooLarge
		}
		e := encoders.Get().(*avroEncoder)
		e.text = jsonscan.TrimMark(json)
		out, err := e.run(parse, dst)
		if err != nil && !e.careful {
			e.careful = true // a value that does not fit may be of a field that comes again
			out, err = e.run(parse, dst)
		}
		e.careful = e.disordered && err == nil
		e.release()
		encoders.Put(e)
		if err != nil {
			return dst, err
		}
		return out, nil
	}, nil
}

// release drops what the next value does not need.
func (e *avroEncoder) release() {
	e.text = nil
	if cap(e.scratch) > keptRoom {
		e.scratch = nil
	}
	if cap(e.spans) > keptRoom {
		e.spans = nil
	}
}

func (e *avroEncoder) run(parse avroParser, dst []byte) ([]byte, error) {
	e.base, e.spans, e.disordered, e.quiet, e.wasted = len(dst), e.spans[:0], false, 0, 0
	out, end, err := parse(e, dst, skipSpace(e.text, 0))
	if err != nil {
		return nil, err
	}
	if skipSpace(e.text, end) != len(e.text) {
		return nil, errNotJSON
	}
	return out, nil
}

// skipSpace returns the index of the next byte that is not white space.
func skipSpace(text []byte, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\n' || text[i] == '\t' || text[i] == '\r') {
		i++
	}
	return i
}

// mismatch is the error that the value at at is none of a type.
func (e *avroEncoder) mismatch(at int, want string) error {
	if e.quiet > 0 {
		return errMisfit
	}
	end := -1
	if at < len(e.text) {
		end = jsonscan.End(e.text[at:])
	}
	if end < 0 {
		return errNotJSON
	}
	return &ValueError{Text: "the schema wants " + want + ", not " + shortJSON(e.text[at:at+end])}
}

// refuse is the error that a value does not fit a type. It takes no values to format:
// they would be allocated for a branch that is only tried.
func (e *avroEncoder) refuse(value []byte, wrong, want string) error {
	if e.quiet > 0 {
		return errMisfit
	}
	return &ValueError{Text: strings.TrimSuffix(shortJSON(value)+" "+wrong+" "+want, " ")}
}

// maxShort is how many bytes of a value an error has.
const maxShort = 40

// shortJSON returns a JSON value for an error's text.
func shortJSON(value []byte) string {
	switch {
	case len(value) > 0 && value[0] == '{':
		return "an object"
	case len(value) > 0 && value[0] == '[':
		return "a list"
	}
	cut := ""
	if len(value) > maxShort {
		value, cut = value[:maxShort], "…"
	}
	if len(value) == 0 || value[0] != '"' {
		return string(value) + cut
	}
	if cut == "" {
		return string(jsonscan.AppendString(nil, jsonscan.Unquote(value)))
	}
	return string(jsonscan.AppendString(nil, value[1:])) + cut
}

// within adds a step to the path of an error: a field's name, or an index in brackets.
func within(err error, step string) error {
	v, ok := err.(*ValueError)
	if !ok {
		return err
	}
	switch {
	case v.Path == "":
		return &ValueError{step, v.Text}
	case v.Path[0] == '[':
		return &ValueError{step + v.Path, v.Text}
	}
	return &ValueError{step + "." + v.Path, v.Text}
}

// stepName returns the name of a field or a key as a step of a path.
func stepName(name []byte) string {
	if len(name) <= maxShort && jsonscan.Clean(name) && !bytes.ContainsAny(name, ".[] ") && len(name) > 0 {
		return string(name)
	}
	return shortJSON(jsonscan.AppendString(nil, name))
}

// avroParsers compiles types into parsers.
type avroParsers struct {
	records map[*avroType]*avroRecord
}

func (c *avroParsers) compile(t *avroType) (avroParser, error) {
	switch t.kind {
	case "null":
		return parseNull, nil
	case "boolean":
		return parseBoolean, nil
	case "record":
		r, err := c.record(t)
		if err != nil {
			return nil, err
		}
		return r.parse, nil
	case "union":
		return c.union(t)
	case "array", "map":
		elem, err := c.compile(t.elem)
		if err != nil {
			return nil, err
		}
		if t.kind == "array" {
			return arrayParser(elem, t.String()), nil
		}
		return mapParser(elem, t.String()), nil
	}
	return scalarParser(t), nil
}

func parseNull(e *avroEncoder, dst []byte, at int) ([]byte, int, error) {
	if !bytes.HasPrefix(e.text[at:], []byte("null")) {
		return nil, 0, e.mismatch(at, "null")
	}
	return dst, at + len("null"), nil
}

func parseBoolean(e *avroEncoder, dst []byte, at int) ([]byte, int, error) {
	switch {
	case bytes.HasPrefix(e.text[at:], []byte("true")):
		return append(dst, 1), at + len("true"), nil
	case bytes.HasPrefix(e.text[at:], []byte("false")):
		return append(dst, 0), at + len("false"), nil
	}
	return nil, 0, e.mismatch(at, "boolean")
}

// next returns the index of the next element or member of a list or an object whose
// last one ends at at, or, if that was the last, the index after the closing bracket.
func (e *avroEncoder) next(at int, closing byte) (_ int, more bool, err error) {
	if at = skipSpace(e.text, at); at < len(e.text) {
		switch e.text[at] {
		case ',':
			return skipSpace(e.text, at+1), true, nil
		case closing:
			return at + 1, false, nil
		}
	}
	return 0, false, errNotJSON
}

// open returns the index of the first element or member of a list or an object.
func (e *avroEncoder) open(at int, opening, closing byte, want string) (_ int, more bool, err error) {
	if at >= len(e.text) || e.text[at] != opening {
		return 0, false, e.mismatch(at, want)
	}
	if at = skipSpace(e.text, at+1); at < len(e.text) && e.text[at] == closing {
		return at + 1, false, nil
	}
	return at, true, nil
}

func arrayParser(item avroParser, want string) avroParser {
	return func(e *avroEncoder, dst []byte, at int) ([]byte, int, error) {
		at, more, err := e.open(at, '[', ']', want)
		if err != nil {
			return nil, 0, err
		}
		start, count := len(dst), 0
		dst = append(dst, 0)
		for ; more; count++ {
			if dst, at, err = item(e, dst, at); err != nil {
				return nil, 0, e.within(err, count)
			}
			if len(dst)-e.base > maxJSON {
				return nil, 0, errTooLarge
			}
			if at, more, err = e.next(at, ']'); err != nil {
				return nil, 0, err
			}
		}
		return endBlock(dst, start, count), at, nil
	}
}

func (e *avroEncoder) within(err error, index int) error {
	if e.quiet > 0 {
		return err
	}
	return within(err, "["+strconv.Itoa(index)+"]")
}

// mapParser writes the entries in the order of the JSON. Of a key that comes twice
// readers keep the last entry.
func mapParser(value avroParser, want string) avroParser {
	return func(e *avroEncoder, dst []byte, at int) ([]byte, int, error) {
		at, more, err := e.open(at, '{', '}', want)
		if err != nil {
			return nil, 0, err
		}
		start, count := len(dst), 0
		dst = append(dst, 0)
		for ; more; count++ {
			key := at
			if dst, at, err = parseString(e, dst, at); err != nil {
				return nil, 0, errNotJSON
			}
			if at, err = e.colon(at); err != nil {
				return nil, 0, err
			}
			if dst, at, err = value(e, dst, at); err != nil {
				if e.quiet == 0 {
					end, _ := jsonscan.String(e.text, key)
					err = within(err, stepName(jsonscan.Unquote(e.text[key:end])))
				}
				return nil, 0, err
			}
			if len(dst)-e.base > maxJSON {
				return nil, 0, errTooLarge
			}
			if at, more, err = e.next(at, '}'); err != nil {
				return nil, 0, err
			}
		}
		return endBlock(dst, start, count), at, nil
	}
}

// colon returns the index of the value after a key that ends at at.
func (e *avroEncoder) colon(at int) (int, error) {
	if at = skipSpace(e.text, at); at >= len(e.text) || e.text[at] != ':' {
		return 0, errNotJSON
	}
	return skipSpace(e.text, at+1), nil
}

// endBlock ends the only block of an array or a map, and writes its count in the byte at
// start and as many more as it takes. An empty one has no block.
func endBlock(dst []byte, start, count int) []byte {
	if count == 0 {
		return dst
	}
	var varint [binary.MaxVarintLen64]byte
	n := binary.PutVarint(varint[:], int64(count))
	if n > 1 {
		dst = append(dst, varint[1:n]...)
		copy(dst[start+n:], dst[start+1:])
	}
	copy(dst[start:], varint[:n])
	return append(dst, 0)
}
