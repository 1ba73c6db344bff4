package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"inv/internal/envelope"
	"inv/internal/scenario"
	"inv/internal/suggest"
	"inv/processor"
	"inv/processor/builtin"
	"inv/processor/declared"
	"inv/processor/declared/cases"
	"inv/processor/inventory"
	"inv/processor/offline"
	"inv/producer"

	"github.com/spf13/pflag"
)

// fileFlags are the flags of `inv process --from`, which needs no broker.
type fileFlags struct {
	from           []string
	to, record     string
	letters, force bool
	changed        func(visit func(*pflag.Flag))
}

func (p *fileFlags) register(fs *pflag.FlagSet) {
	p.changed = fs.Visit
	fs.StringArrayVar(&p.from, "from", nil, "process the records of this `FILE` instead of topics, lines of inv produce --envelope or inv tail -o json; ALIAS=FILE for lines without a topic; - is stdin; repeatable")
	fs.StringVar(&p.to, "to", "stdout", "with --from: write records to stdout or a `FILE`, a line of JSON each")
	fs.BoolVar(&p.force, "force", false, "with --from: overwrite the FILE of --to, which otherwise must be empty or not exist")
	fs.BoolVar(&p.letters, "dead-letters", false, "with --from: write dead letters, too")
	fs.StringVar(&p.record, "record", "", "with --from: add the records, and what comes of them, to the tests of this scenario `FILE`")
}

// check refuses flags that don't go together. Those of the environment may be meant for
// another command.
func (p *fileFlags) check(getenv func(string) string) (err error) {
	own := []string{"from", "to", "force", "dead-letters", "record"}
	shared := []string{"brokers", "scenario", "app-id", "color", "profile", "config", "property", "help"}
	p.changed(func(f *pflag.Flag) {
		switch {
		case getenv(environmentName(f.Name)) != "":
		case len(p.from) == 0 && slices.Contains(own, f.Name):
			err = usagef("--%s needs --from: records of topics are written to topics", f.Name)
		case len(p.from) > 0 && !slices.Contains(own, f.Name) && !slices.Contains(shared, f.Name):
			err = usagef("--%s is for topics; with --from there is no broker", f.Name)
		}
	})
	return err
}

// run processes the files.
func (p *fileFlags) run(ctx context.Context, s *streams, f *sharedFlags, names []string) (err error) {
	sc, err := f.loadScenario(ctx)
	if err != nil {
		return err
	}
	program, err := declaredProgram(sc, names)
	if err != nil {
		return err
	}
	formats, err := outputFormats(ctx, sc, program.Topology)
	if err != nil {
		return err
	}
	sources, done, err := p.open(ctx, s, program.Topology)
	if err != nil {
		return err
	}
	defer done()
	out, err := p.output(ctx, s)
	if err != nil {
		return err
	}
	write := func(r *envelope.Record) error {
		return out.Write(ctx, producer.NewBatch([]producer.Record{{
			Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: r.Value, Headers: r.Headers, At: r.Timestamp,
		}}))
	}
	o := offline.Options{Scenario: sc, Program: program, App: f.appID, Sources: sources, Now: s.now, Output: write, Formats: formats}
	if p.letters {
		o.Letter = write
	}
	recorder := &cases.Recorder{Scenario: sc, Program: program, Formats: formats}
	if p.record != "" {
		o.Input = recorder.Add
	}
	sum, err := offline.Run(ctx, o)
	if flushed := out.Flush(ctx); err == nil {
		err = flushed
	}
	if closed := out.Close(); err == nil {
		err = closed
	}
	p.summarize(s, sum)
	if err == nil && p.record != "" {
		err = p.writeTest(ctx, s, sc, recorder)
	}
	return err
}

// declaredProgram returns the declared topology that is meant.
func declaredProgram(sc *scenario.Scenario, names []string) (*declared.Program, error) {
	known := sc.Declared()
	name := ""
	switch {
	case len(known) == 0:
		return nil, usagef("--from is for topologies that a scenario declares, and %s declares none; built-in ones run with `inv process`, or in `inv demo`, which needs no broker either", sc.Name)
	case len(names) > 1:
		return nil, usagef("--from is for one topology; run %s one after the other, from a pipe", strings.Join(names, " and "))
	case len(names) == 1:
		name = names[0]
	case len(known) == 1:
		name = known[0]
	default:
		return nil, usagef("which topology? scenario %s declares %s", sc.Name, strings.Join(known, ", "))
	}
	t := sc.Topology(name)
	if t != nil && t.BuiltIn || t == nil && isBuiltIn(name) {
		return nil, usagef("topology %s is built-in, and --from is for those that a scenario declares (%s); built-in ones run with `inv process`, or in `inv demo`, which needs no broker either", name, strings.Join(known, ", "))
	}
	if t == nil {
		return nil, usagef("scenario %s has no topology %q (it declares %s)%s", sc.Name, name, strings.Join(known, ", "), suggest.DidYouMean(name, known))
	}
	program, problems := declared.Compile(sc, t)
	if len(problems) > 0 {
		return nil, problems
	}
	return program, nil
}

// isBuiltIn reports whether the program has a topology of this name.
func isBuiltIn(name string) bool {
	all, _ := builtin.All(inventory.Options{}) // the defaults are right
	return slices.ContainsFunc(all, func(t processor.Topology) bool { return t.Name == name })
}

// open opens the files. A pipe is waited for until ctx is done.
func (p *fileFlags) open(ctx context.Context, s *streams, t interface{ Reads() []string }) (sources []offline.Source, done func(), err error) {
	var files []*os.File
	done = func() {
		for _, file := range files {
			file.Close()
		}
	}
	stdin := false
	for _, name := range p.from {
		source := offline.Source{Name: name}
		if alias, rest, ok := strings.Cut(name, "="); ok && slices.Contains(t.Reads(), alias) {
			source.Alias, name = alias, rest
		}
		if name == "-" || name == "/dev/stdin" {
			if stdin {
				done()
				return nil, nil, usagef("--from - is given twice")
			}
			stdin, source.Name, source.Stream = true, "stdin", s.in
			sources = append(sources, source)
			continue
		}
		file, err := openUntil(ctx, name)
		if err != nil {
			done()
			return nil, nil, fmt.Errorf("--from: %w", err)
		}
		files = append(files, file)
		info, err := file.Stat()
		if err == nil && info.IsDir() {
			err = fmt.Errorf("%s is a directory", name)
		}
		if err != nil {
			done()
			return nil, nil, fmt.Errorf("--from: %w", err)
		}
		if source.Name = name; info.Mode().IsRegular() {
			source.File = file
		} else {
			source.Stream = file
		}
		sources = append(sources, source)
	}
	return sources, done, nil
}

// openUntil opens a file, which may be a pipe without a writer, unless ctx ends before.
func openUntil(ctx context.Context, name string) (*os.File, error) {
	return readUntil(ctx, func() (*os.File, error) { return os.Open(name) })
}

// output opens what records are written to.
func (p *fileFlags) output(ctx context.Context, s *streams) (*producer.Output, error) {
	if p.to == "stdout" || p.to == "-" || p.to == "/dev/stdout" {
		if p.force {
			return nil, usagef("--force is for files: add --to FILE")
		}
		out := s.out
		if s.outTerminal {
			out = recordLines{out}
		}
		return producer.OpenWriter(out, "stdout", true), nil
	}
	out, err := producer.OpenFile(ctx, p.to, producer.FileOptions{Envelope: true, Overwrite: p.force})
	if err != nil {
		return nil, fmt.Errorf("--to: %w", err)
	}
	return out, nil
}

// summarize writes what was read, written and refused.
func (p *fileFlags) summarize(s *streams, sum offline.Summary) {
	text := "processed " + records(sum.Read)
	if sum.Rows > 0 {
		text += " and " + many(sum.Rows, "row") + " of tables"
	}
	var written []string
	for _, alias := range slices.Sorted(maps.Keys(sum.Written)) {
		written = append(written, records(sum.Written[alias])+" to "+alias)
	}
	if written == nil {
		written = []string{"nothing"}
	}
	s.errf("%s; wrote %s\n", text, strings.Join(written, ", "))
	for _, topic := range slices.Sorted(maps.Keys(sum.Ignored)) {
		s.errf("ignored %s of %s, which the topology does not read\n", records(sum.Ignored[topic]), topic)
	}
	var letters []string
	for _, reason := range slices.Sorted(maps.Keys(sum.Letters)) {
		letters = append(letters, fmt.Sprintf("%s as %s", grouped(sum.Letters[reason]), reason))
	}
	if letters != nil {
		s.errf("dead-lettered %s; the first: %s\n", strings.Join(letters, ", "), sum.First)
		if !p.letters {
			s.errf("--dead-letters writes them, too\n")
		}
	}
}

// writeTest adds what was recorded to the tests of a file.
func (p *fileFlags) writeTest(ctx context.Context, s *streams, sc *scenario.Scenario, recorder *cases.Recorder) error {
	source, err := readFile(ctx, p.record)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--record: %w", err)
	}
	name := recorder.Program.Topology.Name + " of " + strings.Join(p.from, " and ")
	if there, _ := scenario.Read(p.record, source); there != nil {
		name = cases.FreeName(there, name)
	}
	text, err := recorder.AppendTo(ctx, p.record, source, name)
	if err != nil {
		return fmt.Errorf("--record %s: %w", p.record, err)
	}
	if err := os.WriteFile(p.record, text, 0o644); err != nil {
		return fmt.Errorf("--record: %w", err)
	}
	s.errf("recorded the test %q in %s\n", name, p.record)
	return nil
}
