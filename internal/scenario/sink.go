package scenario

import "time"

// Sink is an entry of `sinks:`, a system outside Kafka that gets the records of topics.
// docs/forward.md says what the keys mean, and package forward, in processor, delivers.
// One of HTTP, Email, Files and Postgres is set.
type Sink struct {
	Name  string
	Pos   Position
	About string
	Off   bool     // it runs only when it is named, as in `inv forward NAME`
	From  []string // aliases of topics, at least one
	Where *JQ      // nil: all records
	// Lane is within what order is kept; nil: the record's key. Not with Group, Files
	// or Postgres.
	Lane    *Selector
	Lanes   int // messages under way at most, 64 by default
	Group   *Grouping
	Latest  bool          // `start: latest`: without a position it begins at the end
	Timeout time.Duration // of one try, 30 s by default

	HTTP     *HTTPSink
	Email    *EmailSink
	Files    *FilesSink
	Postgres *PostgresSink
}

// Selector is a value of a record: a path of names such as "a.b", or an expression.
type Selector struct {
	Pos  Position
	Path []string // nil if it is an expression
	JQ   *JQ
}

// Grouping collects records into one message.
type Grouping struct {
	Pos   Position
	By    Selector
	Wait  time.Duration // from the first record of a group to its message
	Every time.Duration // from one message of a group to the next, at least Wait
}

// SinkText is a text with placeholders: "{field}" or "{a.b}" of the record, "{$key}",
// "{$topic}", "{$partition}", "{$offset}", "{$time}", "{count}" in a group, and
// "${NAME}" for a variable of the environment. "{{" and "}}" are braces.
type SinkText struct {
	Pos   Position
	Parts []SinkTextPart // literals don't follow each other
}

// SinkTextPart is a part of a [SinkText]: one of its fields is set.
type SinkTextPart struct {
	Pos      Position
	Literal  string
	Variable string   // of the environment
	Path     []string // of a field of the record
	Meta     string   // "key", "topic", "partition", "offset", "time" or "count"
}

// Body is a value that a message is made of. One of its fields is set.
type Body struct {
	Pos     Position
	Text    *SinkText // a single placeholder keeps its JSON type
	JQ      *JQ       // of {jq: …}
	Literal string    // JSON text of a number, a boolean or null
	Object  []NamedBody
	List    []Body
	Kind    BodyKind
}

// BodyKind tells which field of a [Body] is set.
type BodyKind int

const (
	BodyText BodyKind = iota
	BodyJQ
	BodyLiteral
	BodyObject
	BodyList
)

// NamedBody is a member of an object, or a header, or a field of a form.
type NamedBody struct {
	Name string
	Pos  Position
	Body Body
}

// Limit is how often something may happen; the zero value: as often as it likes.
type Limit struct {
	Count int
	Per   time.Duration // a second, a minute or an hour
}

// HTTPSink sends requests.
type HTTPSink struct {
	Pos            Position
	Method         string      // POST, PUT or PATCH
	URL            SinkText    // of `post:`, `put:` or `patch:`; variables and placeholders
	Headers        []NamedBody // texts
	IdempotencyKey *Selector   // value of the header Idempotency-Key
	Sign           *SinkText   // secrets of Standard Webhooks, separated by spaces
	Basic          *SinkText   // USER:PASSWORD
	Bearer         *SinkText
	CA             *SinkText // file with certificates in PEM
	Body           *Body     // nil with Form, or to send the value
	Form           []NamedBody
	Limit          Limit
}

// EmailSink sends mail.
type EmailSink struct {
	Pos     Position
	Server  SinkText // smtp://[USER:PASSWORD@]HOST[:PORT] or smtps://
	CA      *SinkText
	From    SinkText
	To      []SinkText  // addresses, each a message of its own
	ToBy    []Addresses // by the group's value; To has those of `else`
	Subject SinkText
	Text    *SinkText // before the lines
	Line    *SinkText // once per record
	Limit   Limit
}

// Addresses are those of a group's value.
type Addresses struct {
	Value string
	Pos   Position
	To    []SinkText
}

// FilesSink writes files.
type FilesSink struct {
	Pos     Position
	Folder  SinkText // with variables
	Format  string   // "parquet", "jsonl" or "csv"
	Zstd    bool     // compressed; Parquet always is
	Rows    int      // of a file at most, 1,000,000 by default
	After   time.Duration
	Columns []SinkColumn // nil: _topic, _partition, _offset, _time, _key and value
}

// SinkColumn is a column of a table or a file, besides _topic, _partition and _offset.
type SinkColumn struct {
	Name  string
	Pos   Position
	Type  string   // "text", "int", "float", "bool", "decimal", "time_ms" or "json"
	Total int      // digits of a decimal
	Scale int      // of them behind the point
	From  Selector // the field of that name by default
}

// PostgresSink writes tables.
type PostgresSink struct {
	Pos    Position
	URL    SinkText
	Tables []Table // by alias
	Else   *Table  // of other topics
}

// Table is what becomes of a topic's records.
type Table struct {
	Alias   string // "" for `else`
	Pos     Position
	Name    string    // [SCHEMA.]NAME
	Upsert  bool      // a row per key, otherwise a row per record
	Key     *Selector // with Upsert
	Newest  *Selector // with Upsert: the record with the greatest value stays; nil: the last one
	Columns []SinkColumn
}
