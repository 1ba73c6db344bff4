package producer

import (
	"inv/internal/scenario"
)

// Plan is the compiled producers of a run. It is immutable and safe for concurrent
// use.
type Plan struct {
	Scenario   *scenario.Scenario
	Seed       uint64
	streams    []*stream // those to run and those that they cause, then nothing else
	running    []int     // which of streams begin by themselves
	references map[string]string
	grows      bool
}

// stream is one compiled producer.
type stream struct {
	name   string
	index  int
	spec   *scenario.Producer
	topic  scenario.Topic
	random uint64 // the random key of the producer in this run

	record rowContent   // of every record, without rows
	rows   []rowContent // of the file, then of more:
	total  int64        // how many records there are; -1: without end
	unique int64        // how many records there can be at most, 0: any number
	ceType string
	source string

	picks        map[string]*picker // the rows that refs draw, while compiling
	machine      *machine
	refersToKeys bool // some fields are keys of other producers' rows
	revisits     bool // some records update or delete an earlier key
	causes       []*cause
	builder      *builder // of the value, for those that refer to it while compiling
	from         *origin  // what causes its records
}

type header struct {
	name  string
	value appendFunc
}

// Streams returns the names of the producers that run.
func (p *Plan) Streams() []string {
	names := make([]string, len(p.running))
	for i, r := range p.running {
		names[i] = p.streams[r].name
	}
	return names
}

// Topics returns the aliases of the topics that the plan writes, without duplicates.
func (p *Plan) Topics() []string {
	var aliases []string
	seen := map[string]bool{}
	for _, s := range p.streams {
		if !seen[s.topic.Alias] {
			seen[s.topic.Alias] = true
			aliases = append(aliases, s.topic.Alias)
		}
	}
	return aliases
}

// References returns the producers whose rows the plan's records refer to, with the
// aliases of their topics.
func (p *Plan) References() map[string]string { return p.references }

// Grows reports whether the plan has rows of which CompileOptions.Products makes
// more.
func (p *Plan) Grows() bool { return p.grows }

// rowContent is the record of one row.
type rowContent struct {
	program   *program   // of the value
	value     appendFunc // the program's
	key       appendFunc // nil: it has none
	partition numFunc
	headers   []header
	fields    []fieldNode
}
