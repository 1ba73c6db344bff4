package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"inv/inspect"
	"inv/internal/kafka/fetch"
	"inv/internal/kafka/partition"
	"inv/internal/theme"
	"inv/internal/when"

	"github.com/spf13/cobra"
)

// tailFlags are the flags of `inv tail`. Those that need no parsing are in Options.
type tailFlags struct {
	inspect.Options

	// which records
	since, until, offset string
	partitions           string
	key                  string
	partitioner          choice
	group                string
	maxBatch             size

	// how they look
	output           choice
	format           string
	wide, headers    bool
	jsonPretty       bool
	times            string
	highlight        []string
	keyAs, valueAs   choice
	registry         registryFlags
	rawControl, bell bool
	statistics       bool
	tui              bool
	changed          func(name string) bool
	notes            []string // on how times were read
}

func (t *tailFlags) register(cmd *cobra.Command) {
	fs := cmd.Flags()
	t.changed = fs.Changed
	t.output = newChoice("pretty", "json", "raw", "yaml", "csv")
	t.keyAs, t.valueAs = newChoice(inspect.Forms()...), newChoice(inspect.Forms()...)
	t.partitioner = newChoice(append([]string{"any"}, partition.KeyedNames()...)...)

	fs.IntVarP(&t.Last, "last", "n", inspect.DefaultLast, "start with the last `N` records of all partitions together, in time order")
	fs.BoolVar(&t.Latest, "latest", false, "start with the last record of each key, in time order")
	fs.IntVarP(&t.Limit, "limit", "c", 0, "stop after `N` shown records; alone, the last N")
	fs.BoolVarP(&t.Follow, "follow", "f", true, "continue with new records; --follow=false is --until end")
	fs.StringVar(&t.since, "since", "", "start at a `TIME`: 15m, 2h ago, 14:02, today, 2026-11-23, RFC 3339, epoch s, ms or µs; a time zone may follow")
	fs.StringVar(&t.until, "until", "", "stop at a `TIME`, or with end at the current end")
	fs.StringVar(&t.offset, "offset", "", "the `PLACE` to start at in each partition: an offset N, at -N from its end, at its start or its end, or at a time; 10..20 is these and those between, of what is there now")
	fs.StringVar(&t.partitions, "partition", "", "only these `PARTITIONS`, such as 0,2,4-6")
	fs.StringVar(&t.key, "key", "", "only records with this `KEY`, as lines show it, in any partition")
	fs.Var(&t.partitioner, "partitioner", "with --key: only read the partition that this partitioner chooses")
	fs.StringVar(&t.group, "group", "", "start at this consumer `GROUP`'s committed offsets, and print them")
	fs.DurationVar(&t.Idle, "idle", 0, "stop after this `DURATION` without a record")
	fs.BoolVar(&t.Wait, "wait", false, "wait until the topic exists")
	fs.BoolVar(&t.Uncommitted, "uncommitted", false, "also show records of open and aborted transactions")

	t.maxBatch = fetch.DefaultMaxBatch
	fs.Var(&t.maxBatch, "max-batch", "skip compressed batches that decompress to more than this `SIZE`")

	fs.StringVar(&t.Match.Filter, "filter", "", "only records that match this jq `CONDITION`, such as '.current_stock <= 5'")
	fs.StringArrayVar(&t.Match.Grep, "grep", nil, "only records whose key or value matches this regular expression, a `REGEXP`; repeatable: any of them")
	fs.StringArrayVar(&t.Match.Exclude, "exclude", nil, "no records whose key or value matches this `REGEXP`; repeatable")
	fs.StringArrayVar(&t.highlight, "highlight", nil, "highlight matches of this `REGEXP`; repeatable")

	fs.VarP(&t.output, "output", "o", "the format of records")
	fs.StringVar(&t.format, "format", "", "print records in this `LAYOUT`, such as '%d{go[15:04:05]} %k %v\\n'")
	fs.BoolVar(&t.wide, "wide", false, "don't truncate lines to the terminal's width")
	fs.BoolVar(&t.headers, "show-headers", false, "show the records' headers")
	fs.BoolVar(&t.jsonPretty, "json-pretty", false, "-o json, indented")
	fs.StringVar(&t.times, "time", "local", "show times in this `ZONE`: local, utc, relative, ms, or one such as Europe/Berlin")
	fs.Var(&t.keyAs, "key-as", "the `FORM` of keys' bytes; --key is read in the same way: "+strings.Join(inspect.Forms(), ", "))
	fs.Var(&t.valueAs, "value-as", "the `FORM` of values' bytes: the same")
	t.registry.reads(fs)
	fs.BoolVar(&t.rawControl, "raw-control", false, "pass control characters in the data to the terminal")
	fs.BoolVar(&t.bell, "bell", false, "ring the terminal's bell on a critical record")
	fs.BoolVar(&t.tui, "tui", false, "browse: scroll, pause, filter as you type, open a record, copy its place")
	fs.BoolVar(&t.statistics, "stats", false, "print at the end how many records were read and shown")

	fs.IntVar(&t.Expect, "expect", 0, "exit 0 once `N` records have been shown, 1 if it ends before")
	fs.DurationVar(&t.Within, "within", 0, "with --expect: exit 1 after this `DURATION`")
	fs.StringVar(&t.FailOn, "fail-on", "", "exit 1 at the first shown record that matches this jq `CONDITION`")
	atLeast(fs, 1, "expect", "within", "idle")
}

// options returns the options for inspect, or a usage error.
func (t *tailFlags) options(args []string, now time.Time) (inspect.Options, error) {
	for _, a := range args {
		if strings.Contains(a, "%") { // kcat's -f
			return t.Options, usagef("%q can't be a topic; a layout of records is --format, and -f is --follow", a)
		}
	}
	o := t.Options
	o.Topics, o.MaxBatch = args, int(t.maxBatch)
	o.KeyForm, o.ValueForm = t.keyAs.value, t.valueAs.value
	o.Undecoded = t.output.value == "raw" && !t.tui
	var err error
	if o.Begin, err = t.begin(now); err != nil {
		return o, err
	}
	switch {
	case t.changed("last"):
	case o.Begin != nil, t.Latest:
		o.Last = -1
	case t.Limit > 0:
		o.Last = min(o.Last, t.Limit)
	}
	switch {
	case t.Limit < 0, t.Limit == 0 && t.changed("limit"):
		return o, usagef("-c takes a number of records, 1 or more")
	case t.Latest && t.changed("last"):
		return o, usagef("--latest and -n exclude each other; -c stops after N records")
	case o.Begin != nil && o.Begin.Behind > 0 && (t.until != "" || t.Follow && t.changed("follow")):
		return o, usagef("--offset %s has an end; leave out --until and --follow", t.offset)
	case o.Begin != nil && o.Begin.Behind > 0:
		o.Follow = false
	case t.Last < 0:
		return o, usagef("-n takes 0 or more; --offset start shows all")
	case t.until == "end", t.until == "latest":
		o.Follow = false
	case t.until != "":
		if o.Until, err = t.parseTime(t.until, now); err != nil {
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
		o.Partitioner = partition.Partitioner(t.partitioner.value)
	}
	switch {
	case o.Partitioner != "" && o.Key == nil:
		return o, usagef("--partitioner needs --key")
	case t.Within > 0 && t.Expect == 0:
		return o, usagef("--within needs --expect N")
	}
	return o, t.tailPlace(args, &o)
}

// begin returns the start given by --since, --offset or --group, nil without them.
func (t *tailFlags) begin(now time.Time) (b *inspect.Begin, err error) {
	given := slices.DeleteFunc([]string{t.since, t.offset, t.group}, func(value string) bool { return value == "" })
	switch {
	case len(given) > 1:
		return nil, usagef("--since, --offset and --group exclude each other; give one of them")
	case t.since != "":
		if b, err = t.parseBegin(t.since, now); err != nil {
			return nil, usagef("--since: %v", err)
		}
	case strings.Contains(t.offset, ".."):
		return parseRange(t.offset)
	case t.offset != "":
		if b, err = t.parseBegin(t.offset, now); err != nil {
			return nil, usagef("--offset: %v", err)
		}
	case t.group != "":
		b = &inspect.Begin{Group: t.group}
	}
	return b, nil
}

// parseRange reads FIRST..LAST, both included; without FIRST, from the start.
func parseRange(text string) (*inspect.Begin, error) {
	first, last, _ := strings.Cut(text, "..")
	from, err := strconv.ParseUint(cmp.Or(first, "0"), 10, 62)
	to, err2 := strconv.ParseUint(last, 10, 62)
	if err != nil || err2 != nil || to < from {
		return nil, usagef("--offset %q: a range is FIRST..LAST, two offsets that are both included, such as 10..20", text)
	}
	return &inspect.Begin{Place: inspect.AtOffset, Offset: int64(from), Behind: int64(to) + 1}, nil
}

// parseBegin reads a position. A number that can be a time in seconds is one for
// --since and an offset for --offset.
func (t *tailFlags) parseBegin(text string, now time.Time) (*inspect.Begin, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 && t.since != "" {
		at, err := t.parseTime(text, now)
		return &inspect.Begin{Time: at}, err
	}
	p, err := when.ParsePosition(text, now, time.Local)
	if err != nil {
		return nil, err
	}
	t.note(p.Note)
	switch p.Kind {
	case when.Start:
		return &inspect.Begin{Place: inspect.AtStart}, nil
	case when.End:
		return &inspect.Begin{Place: inspect.AtEnd}, nil
	case when.Offset:
		return &inspect.Begin{Place: inspect.AtOffset, Offset: p.Offset}, nil
	case when.Back:
		return &inspect.Begin{Place: inspect.Back, Offset: p.Offset}, nil
	}
	return &inspect.Begin{Time: p.Time}, nil
}

func (t *tailFlags) parseTime(text string, now time.Time) (time.Time, error) {
	at, note, err := when.Parse(text, now, time.Local)
	t.note(note)
	return at, err
}

// note keeps how an ambiguous time was read, to be said when the run begins.
func (t *tailFlags) note(text string) {
	if text != "" {
		t.notes = append(t.notes, text)
	}
}

// renderer returns the renderer of -o or --format.
func (t *tailFlags) renderer(s *streams, colors *theme.Theme, views map[string]*inspect.View, labels map[string]string) (inspect.Renderer, error) {
	safe := s.outTerminal && !t.rawControl
	if t.format != "" {
		if t.changed("output") {
			return nil, usagef("--format and -o exclude each other; give one of them")
		}
		return inspect.NewFormat(t.format, safe)
	}
	if t.jsonPretty && !t.changed("output") {
		t.output.value = "json"
	}
	if t.jsonPretty && t.output.value != "json" {
		return nil, usagef("--json-pretty is for -o json, not for -o %s", t.output.value)
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
		return &inspect.CSV{Safe: safe}, nil
	}
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
		TextKeys: t.keyAs.value == "string" || t.keyAs.value == "text",
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
