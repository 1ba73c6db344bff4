package registry

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"inv/internal/kafka/fetch"
)

// The headers in which newer clients write the schema ID instead of putting it before
// the payload: a zero byte and an ID, or a one and a GUID; for Protobuf, the path of
// the message follows.
const (
	keyHeader   = "__key_schema_id"
	valueHeader = "__value_schema_id"
)

const (
	idBytes   = 5  // a zero byte and an ID
	guidBytes = 17 // a one and a GUID
)

// schemaID identifies a schema, by its ID or by its GUID.
type schemaID struct {
	id   int32
	guid string // as text; "": by ID
}

func (s schemaID) String() string {
	if s.guid != "" {
		return "schema " + s.guid
	}
	return fmt.Sprint("schema ", s.id)
}

// frame is a key or a value with the ID of its schema.
type frame struct {
	id        schemaID
	payload   []byte
	path      []byte // of the Protobuf message, in a header
	inHeader  bool
	ambiguous bool // it may be an integer of eight bytes, too
}

// messagePath returns the path of the Protobuf message, by default the first message.
func (f frame) messagePath() []byte {
	if len(f.path) == 0 {
		return []byte{0}
	}
	return bytes.Clone(f.path)
}

// frameOf finds the schema ID of b, a key or a value of r. Unless it is certain that b
// has one, an ID of 0, which registries don't assign, is none.
func frameOf(r *fetch.Record, c column, b []byte, certain bool) (f frame, ok bool) {
	if id, rest, ok := headerID(r, c); ok {
		return frame{id: id, payload: b, path: rest, inHeader: true}, true
	}
	if len(b) < idBytes || b[0] != 0 || len(b) == idBytes && !certain {
		return frame{}, false
	}
	id := int32(binary.BigEndian.Uint32(b[1:]))
	if id < 0 || id == 0 && !certain {
		return frame{}, false
	}
	return frame{id: schemaID{id: id}, payload: b[idBytes:], ambiguous: len(b) == 8 && !certain}, true
}

// headerID returns the schema ID in the last header that has one.
func headerID(r *fetch.Record, c column) (id schemaID, rest []byte, ok bool) {
	name := c.header()
	if !bytes.Contains(r.RawHeaders(), []byte(name)) {
		return id, nil, false
	}
	r.EachHeader(func(key, value []byte) bool {
		switch {
		case string(key) != name:
		case len(value) >= idBytes && value[0] == 0:
			id, rest, ok = schemaID{id: int32(binary.BigEndian.Uint32(value[1:]))}, value[idBytes:], true
		case len(value) >= guidBytes && value[0] == 1:
			id, rest, ok = schemaID{guid: guidText(value[1:guidBytes])}, value[guidBytes:], true
		}
		return true
	})
	return id, rest, ok
}

func guidText(b []byte) string {
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
