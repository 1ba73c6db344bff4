package scenario

// Encoding is the format of a topic's keys or values, as the file has it.
type Encoding struct {
	Name    string // "": JSON, or what the producer says; "avro", "protobuf" or "json_schema"
	File    string // of the schema, relative to the scenario's; "": it is derived
	Message string // protobuf: the message's full name; "": the file's first
	Source  string // the file's contents, see Scenario.LoadSchemas
	// Imports are the files that Source refers to, by the names it uses, in order of
	// dependency.
	Imports []Import
	Pos     Position
}

// Derived reports whether the schema is derived from what the scenario says of the fields.
func (e Encoding) Derived() bool { return e.Name != "" && e.File == "" }

// Import is a schema file that another one refers to.
type Import struct {
	Name   string // of a type (Avro), a file (Protobuf) or a URI without its fragment (JSON Schema)
	File   string // relative to the scenario's
	Source string
}

// Schemas is how a topic's schemas are registered.
type Schemas struct {
	Subject       string // "topic" (the default), "record" or "topic-record"
	IDs           string // "value" (the default) or "header"
	Register      bool   // true by default
	Compatibility string // of subjects that inv creates: "backward", …; "": the registry's
	Pos           Position
}

// Upgrade turns records of an event type into those of the version that programs read.
type Upgrade struct {
	Type string // such as inventory.order.v2
	With JQ     // the value of that version in, that of the known one out
	Pos  Position
}

// Evolved is how a field relates to those of other versions of its record.
type Evolved struct {
	Default string   // the JSON of its value for readers of records that don't have it; "": none
	Aliases []string // its names in earlier versions
	Pos     Position // of the first of the two keys
}
