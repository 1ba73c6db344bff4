// Package stamp reads and writes the metadata of committed offsets: the offset once more,
// which other tools leave out when they move one, the ids of topics by alias, and notes,
// whose names begin with an @:
//
//	inv/2 4711 log=wW3HZbXUTAWZ5cXqGbJFyQ== [@waiting=3]
//
// Brokers accept metadata of 4,096 bytes, unless offset.metadata.max.bytes is another.
package stamp

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Format begins the metadata. Another one means that programs before it can't go on.
const Format = "inv/2"

// anyFormat begins the formats of all versions.
const anyFormat = "inv/"

// Stamp is parsed metadata.
type Stamp struct {
	Offset int64
	Fields map[string]string // by alias, or name of the note with its @
}

// ErrNone means that metadata is not inv's.
var ErrNone = errors.New("not written by inv")

// FormatError is metadata of a format that this program doesn't know.
type FormatError string

func (e FormatError) Error() string { return "unknown format " + strconv.Quote(string(e)) }

// Parse parses metadata. The error is [ErrNone] or a [FormatError].
func Parse(metadata string) (Stamp, error) {
	format, rest, _ := strings.Cut(metadata, " ")
	if format != Format {
		if strings.HasPrefix(format, anyFormat) {
			return Stamp{}, FormatError(format)
		}
		return Stamp{}, ErrNone
	}
	fields := strings.Split(rest, " ")
	s := Stamp{Fields: make(map[string]string, len(fields)-1)}
	var err error
	if s.Offset, err = strconv.ParseInt(fields[0], 10, 64); err != nil {
		return Stamp{}, ErrNone
	}
	for _, field := range fields[1:] {
		key, value, ok := strings.Cut(field, "=")
		if !ok {
			return Stamp{}, ErrNone
		}
		s.Fields[key] = value
	}
	return s, nil
}

// Metadata returns the metadata of an offset with these fields, each KEY=VALUE without
// spaces.
func Metadata(offset int64, fields ...string) string {
	text := fmt.Sprintf("%s %d", Format, offset)
	for _, f := range fields {
		text += " " + f
	}
	return text
}
