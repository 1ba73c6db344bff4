package main

import (
	"fmt"
	"time"

	"inv/inspect"
	"inv/internal/kafka/fetch"
	"inv/internal/kafka/partition"
	"inv/internal/theme"

	"github.com/spf13/cobra"
)

// tailFlags are the flags of `inv tail`.
type tailFlags struct {
	// which records
	last                 int
	follow               bool
	since, until, offset string
	partitions           string
	key                  string
	partitioner          choice
	group                string
	idle                 time.Duration
	wait, uncommitted    bool
	maxBatch             size
	match                inspect.Match

	// how they look
	output           choice
	format           string
	wide, headers    bool
	jsonPretty       bool
	times            string
	highlight        []string
	valueAs          choice
	registry         string
	rawControl, bell bool
	statistics       bool
	tui              bool
	expect           int
	within           time.Duration
	failOn           string
	changed          func(name string) bool
}

func (t *tailFlags) register(cmd *cobra.Command) {
	fs := cmd.Flags()
	t.changed = fs.Changed
	t.output = newChoice("pretty", "json", "raw", "yaml", "csv")
	t.valueAs = newChoice(inspect.ValueForms()...)
	t.partitioner = newChoice(append([]string{"any"}, partition.KeyedNames()...)...)

	fs.IntVarP(&t.last, "last", "n", inspect.DefaultLast, "begin with the last N records of all partitions together, in time order")
	fs.BoolVarP(&t.follow, "follow", "f", true, "go on with what comes; --follow=false is --until end")
	fs.StringVar(&t.since, "since", "", "begin at a time: 15m ago, 14:02, 2026-11-23, RFC 3339, epoch ms; a zone's name may follow")
	fs.StringVar(&t.until, "until", "", "stop at a time, or at the end that was there at the start: end")
	fs.StringVar(&t.offset, "offset", "", "begin in each partition at N, at -N from its end, at its start or its end")
	fs.StringVar(&t.partitions, "partition", "", "only these, such as 0,2,4-6")
	fs.StringVar(&t.key, "key", "", "only records with this key, in whatever partition")
	fs.Var(&t.partitioner, "partitioner", "with --key: read only the partition that this one puts it in")
	fs.StringVar(&t.group, "group", "", "begin where this consumer group stands, and say where that is")
	fs.DurationVar(&t.idle, "idle", 0, "stop when nothing has come for so long")
	fs.BoolVar(&t.wait, "wait", false, "wait until the topic exists")
	fs.BoolVar(&t.uncommitted, "uncommitted", false, "also show data of open and aborted transactions")

	t.maxBatch = fetch.DefaultMaxBatch
	fs.Var(&t.maxBatch, "max-batch", "pass over compressed batches that unpack to more")

	fs.StringVar(&t.match.Filter, "filter", "", "only records for which this jq condition holds, such as '.current_stock <= 5'")
	fs.StringArrayVar(&t.match.Grep, "grep", nil, "only records whose key or value matches this regular expression; repeatable: one must")
	fs.StringArrayVar(&t.match.Exclude, "exclude", nil, "no records whose key or value matches this regular expression; repeatable")
	fs.StringArrayVar(&t.highlight, "highlight", nil, "mark what matches this regular expression; repeatable")

	fs.VarP(&t.output, "output", "o", "how records are written")
	fs.StringVar(&t.format, "format", "", `write records as this layout says, such as '%d{go[15:04:05]} %k %v\n'`)
	fs.BoolVar(&t.wide, "wide", false, "whole lines, however wide the terminal is")
	fs.BoolVar(&t.headers, "show-headers", false, "show the records' headers")
	fs.BoolVar(&t.jsonPretty, "json-pretty", false, "-o json over many lines")
	fs.StringVar(&t.times, "time", "local", "show times as local, utc, relative, ms, or in a zone such as Europe/Berlin")
	fs.Var(&t.valueAs, "value-as", "read values as")
	fs.StringVar(&t.registry, "registry", "", "the schema registry's URL, to decode Avro, Protobuf and JSON Schema values")
	fs.BoolVar(&t.rawControl, "raw-control", false, "send control characters in the data to the terminal as they are")
	fs.BoolVar(&t.bell, "bell", false, "ring the terminal's bell on a critical record")
	fs.BoolVar(&t.tui, "tui", false, "browse: scroll, pause, filter as you type, open a record, copy its place")
	fs.BoolVar(&t.statistics, "stats", false, "say at the end how many records were read and shown")

	fs.IntVar(&t.expect, "expect", 0, "exit 0 once N records have been shown, 1 if it ends before")
	fs.DurationVar(&t.within, "within", 0, "with --expect: exit 1 if that takes longer")
	fs.StringVar(&t.failOn, "fail-on", "", "exit 1 at the first record shown for which this jq condition holds")
}

// options turns the flags into inspect's, all that is wrong with them an error.
func (t *tailFlags) options(args []string, now time.Time) (inspect.Options, error) {
	o := inspect.Options{
		Topics: args, Wait: t.wait, Last: t.last, Follow: t.follow, Idle: t.idle, Uncommitted: t.uncommitted,
		MaxBatch: int(t.maxBatch), Match: t.match, FailOn: t.failOn, Expect: t.expect, Within: t.within,
		Values: inspect.NewValueDecoder(t.valueAs.value),
	}
	var err error
	if o.Begin, err = t.begin(now); err != nil {
		return o, err
	}
	if o.Begin != nil && !t.changed("last") {
		o.Last = -1
	}
	switch {
	case t.last < 0:
		return o, usagef("-n takes 0 or more; --offset start shows all")
	case t.until == "end":
		o.Follow = false
	case t.until != "":
		if o.Until, err = inspect.ParseTime(t.until, now, time.Local); err != nil {
			return o, usagef("--until: %v; or end", err)
		}
		o.Follow = o.Follow && o.Until.After(now)
	}
	if t.partitions != "" {
		if o.Partitions, err = inspect.ParsePartitions(t.partitions); err != nil {
			return o, usagef("--partition: %v", err)
		}
	}
	if t.changed("key") {
		o.Key = []byte(t.key)
	}
	if t.partitioner.value != "any" {
		if o.Partitioner = partition.Partitioner(t.partitioner.value); o.Key == nil {
			return o, usagef("--partitioner says where a --key is; there is none")
		}
	}
	switch {
	case t.expect < 0:
		return o, usagef("--expect takes a number of records, 1 or more")
	case t.within < 0 || t.idle < 0:
		return o, usagef("--within and --idle take a duration such as 30s")
	case t.within > 0 && t.expect == 0:
		return o, usagef("--within is for --expect N")
	}
	return o, nil
}

// begin returns where --since, --offset or --group say, nil for the last N.
func (t *tailFlags) begin(now time.Time) (*inspect.Begin, error) {
	var b *inspect.Begin
	given := 0
	if t.since != "" {
		at, err := inspect.ParseTime(t.since, now, time.Local)
		if err != nil {
			return nil, usagef("--since: %v", err)
		}
		b = &inspect.Begin{Time: at}
		given++
	}
	if t.offset != "" {
		var err error
		if b, err = inspect.ParseOffset(t.offset); err != nil {
			return nil, usagef("--offset: %v", err)
		}
		given++
	}
	if t.group != "" {
		b = &inspect.Begin{Group: t.group}
		given++
	}
	if given > 1 {
		return nil, usagef("--since, --offset and --group each say where to begin; give one of them")
	}
	return b, nil
}

// renderer returns what -o and --format ask for.
func (t *tailFlags) renderer(s *streams, colors *theme.Theme, views map[string]*inspect.View, labels map[string]string) (inspect.Renderer, error) {
	safe := s.outTerminal && !t.rawControl
	if t.format != "" {
		if t.changed("output") {
			return nil, usagef("--format and -o each say how records are written; give one of them")
		}
		return inspect.NewFormat(t.format, safe)
	}
	if t.jsonPretty && !t.changed("output") {
		t.output.value = "json"
	}
	if t.jsonPretty && t.output.value != "json" {
		return nil, usagef("--json-pretty is -o json over many lines; -o %s is something else", t.output.value)
	}
	switch t.output.value {
	case "json":
		j := inspect.NewJSON(colors, views)
		j.Indent = t.jsonPretty
		return j, nil
	case "raw":
		return inspect.Raw{Safe: safe}, nil
	case "yaml":
		return &inspect.YAML{}, nil
	case "csv":
		return &inspect.CSV{}, nil
	}
	return t.pretty(s, colors, views, labels)
}

func (t *tailFlags) pretty(s *streams, colors *theme.Theme, views map[string]*inspect.View, labels map[string]string) (*inspect.Pretty, error) {
	o, err := t.prettyOptions(s, colors, views, labels)
	if err != nil {
		return nil, err
	}
	return inspect.NewPretty(o), nil
}

func (t *tailFlags) prettyOptions(s *streams, colors *theme.Theme, views map[string]*inspect.View, labels map[string]string) (inspect.PrettyOptions, error) {
	o := inspect.PrettyOptions{
		Theme: colors, Location: time.Local, Now: s.now(), Clock: s.now, Views: views, Labels: labels,
		Headers: t.headers, RawControl: t.rawControl, Cut: wholeValue,
	}
	switch t.times {
	case "local":
	case "utc", "UTC":
		o.Location = time.UTC
	case "relative":
		o.Times = inspect.Relative
	case "ms":
		o.Times = inspect.EpochMs
	default:
		zone, err := time.LoadLocation(t.times)
		if err != nil {
			return o, fmt.Errorf("--time %s: %w", t.times, usagef("it takes local, utc, relative, ms, or a zone such as Europe/Berlin"))
		}
		o.Location = zone
	}
	if s.outTerminal && !t.wide {
		o.Width = s.width()
	}
	return o, nil
}
