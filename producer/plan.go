package producer

import (
	"slices"

	"inv/internal/scenario"
)

// Plan holds the compiled producers of a run. It is immutable and safe for concurrent
// use.
type Plan struct {
	Scenario   *scenario.Scenario
	Seed       uint64
	streams    []*stream // those to run and those that they cause
	running    []int     // the indexes of those to run
	references []Reference
	writers    map[string]Writers // by alias
	grows      bool
	fine       fineTimes
	// computesTimes: records have values that are computed from their times.
	computesTimes bool
}

// fineTimes is how far the times are from those of their records, in ms, that are
// written with microseconds or nanoseconds.
type fineTimes struct {
	low, high int64
	some      bool
}

// fine records a time with microseconds or nanoseconds.
func (c *compiler) fine(low, high int64) {
	c.fineTimes = fineTimes{min(c.fineTimes.low, low), max(c.fineTimes.high, high), true}
}

// stream is one compiled producer.
type stream struct {
	name   string
	index  int
	spec   *scenario.Producer
	topic  scenario.Topic
	routes []scenario.Topic // with a route: the topics of its cases, then topic
	random uint64           // the random key of the producer in this run

	record  rowContent   // of every record, without rows
	rows    []rowContent // those in the file, then that of more:
	total   int64        // the number of records; -1: unlimited
	unique  int64        // the largest number of records; 0: any
	writers Writers      // of topic
	ceType  string
	source  string

	picks        map[string]*picker   // the rows that refs draw, while compiling
	rowsOf       map[string][]*picker // those of one object and producer
	machine      *machine
	refs         []*set // the producers that fields refer to
	refersToKeys bool   // some fields refer to keys of other producers
	revisits     bool   // some records update or delete an earlier key
	live         bool   // only keys that were not deleted
	causes       []*cause
	builder      *builder         // of the value, for caused_by while compiling
	forms        map[string]*node // what fields with a caused_by are like, while compiling
	from         *origins         // what causes its records; nil: nothing
	compiled     bool
	memory       *memory // what its records keep for later ones; nil: nothing
	isRow        bool    // it only compiles rows that others refer to
}

type header struct {
	name   string
	value  appendFunc
	null   testFunc // its value is null; nil: never
	absent testFunc // a record does not have it; nil: all have
}

// Streams returns the names of the producers that run.
func (p *Plan) Streams() []string {
	names := make([]string, len(p.running))
	for i, r := range p.running {
		names[i] = p.streams[r].name
	}
	return names
}

// add adds a stream and those that it causes.
func (p *Plan) add(s *stream) {
	if slices.Contains(p.streams, s) {
		return
	}
	s.index = len(p.streams)
	p.streams = append(p.streams, s)
	for _, k := range s.causes {
		p.add(k.to)
	}
}

// Topics returns the aliases of the topics that the plan writes, without duplicates.
func (p *Plan) Topics() []string {
	var aliases []string
	for _, s := range p.streams {
		for _, t := range append([]scenario.Topic{s.topic}, s.routes...) {
			if !slices.Contains(aliases, t.Alias) {
				aliases = append(aliases, t.Alias)
			}
		}
	}
	return aliases
}

// Reference is a producer to whose rows a plan's records refer.
type Reference struct {
	Producer string
	Topic    string // alias
	Rows     int64  // how many there are, and so records of its topic; 0: not known
}

// References returns the producers that the plan's records refer to.
func (p *Plan) References() []Reference { return p.references }

// Grows reports whether CompileOptions.Products changes the number of rows.
func (p *Plan) Grows() bool { return p.grows }

// rowContent is the compiled contents of a record.
type rowContent struct {
	root        *node                         // the value
	keyNode     *node                         // the key; nil: none
	encoded                                   // in the stream's topic
	routed      []encoded                     // in those of stream.routes; nil: everywhere the same
	noKey       testFunc                      // the key is null; nil: never
	route       func(w *worker, f *frame) int // the index in stream.routes; nil: all go to one topic
	partition   numFunc                       // nil: the partitioner decides
	noPartition testFunc                      // it decides in this record; nil: never
	headers     []header
}
