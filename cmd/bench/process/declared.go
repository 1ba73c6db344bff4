package main

import (
	"context"
	_ "embed"
	"fmt"
	"hash/maphash"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"inv/cmd/bench/measure"
)

//go:embed declared.yaml
var declaredScenario string

// task is a backlog and a declared topology that works it off.
type task struct {
	topology  string
	keyed     bool
	inputs    []string // topics of the backlog, tables included
	read      []string // those of them that a side reads as a group
	outputs   []string // topics
	writes    []string // their aliases
	customers int
	fill      [][]string // inv commands that make the backlog
	same      bool       // all sides must write the same
}

// scenario writes the scenario of a task, and returns its file.
func (l *lab) scenario(t task) (string, error) {
	text := strings.ReplaceAll(declaredScenario, "CUSTOMERS", fmt.Sprint(max(t.customers, 1)))
	text = strings.ReplaceAll(text, "partitions: 6", fmt.Sprintf("partitions: %d", l.partitions))
	file := filepath.Join(l.dir, "declared.yaml")
	return file, os.WriteFile(file, []byte(text), 0o600)
}

// declare runs an inv command on the scenario of a task.
func (l *lab) declare(ctx context.Context, t task, args ...string) error {
	file, err := l.scenario(t)
	if err != nil {
		return err
	}
	return measure.Run(ctx, l.inv, append([]string{"-b", l.brokers, "--scenario", file}, args...)...)
}

// prepare makes the backlog of a task in place of all that the broker has.
func (l *lab) prepare(ctx context.Context, t task, aliases ...string) error {
	topics, err := l.topics(ctx)
	if err != nil {
		return err
	}
	if err := l.drop(ctx, topics); err != nil {
		return err
	}
	l.shape, l.loaded = shape{}, 0 // nothing of another measurement is left
	if err := l.declare(ctx, t, append([]string{"topics", "create"}, aliases...)...); err != nil {
		return err
	}
	for _, args := range t.fill {
		l.progress("backlog: inv %s", strings.Join(args, " "))
		if err := l.declare(ctx, t, args...); err != nil {
			return err
		}
	}
	return nil
}

// declaredSide is inv with the topology of a task.
func declaredSide(t task) side {
	return side{
		name: "inv", title: "inv, declared",
		start: func(l *lab, app string) (*child, error) { return l.startDeclared(t, l.inv, app) },
		groups: func(app string) map[string][]string {
			group := app + "-" + t.topology
			if !t.keyed {
				return map[string][]string{group: t.read}
			}
			return map[string][]string{group + "-route": t.read, group + "-state": {group + "-log"}}
		},
	}
}

// beforeSide is the inv of -before, which is measured as the other one is.
func beforeSide(t task, inv side) side {
	inv.name, inv.title = "before", "inv, before"
	inv.start = func(l *lab, app string) (*child, error) { return l.startDeclared(t, l.before, app) }
	return inv
}

func (l *lab) startDeclared(t task, program, app string) (*child, error) {
	file, err := l.scenario(t)
	if err != nil {
		return nil, err
	}
	args := []string{"-b", l.brokers, "--scenario", file, "--app-id", app, "process", t.topology}
	return l.start("inv", program, append(args, l.args...)...)
}

// workOff times a side on the backlog of a task, with nothing left of other sides.
func (l *lab) workOff(ctx context.Context, t task, s side) (*drained, error) {
	topics, err := l.topics(ctx)
	if err != nil {
		return nil, err
	}
	topics = slices.DeleteFunc(topics, func(topic string) bool { return slices.Contains(t.inputs, topic) })
	if err := l.drop(ctx, topics); err != nil {
		return nil, err
	}
	// All sides find their outputs there, as inv would.
	if err := l.declare(ctx, t, append([]string{"topics", "create"}, t.writes...)...); err != nil {
		return nil, err
	}
	l.runs++
	app := fmt.Sprintf("%s-%d", s.name, l.runs)
	d, err := l.timed(ctx, s, app)
	if err != nil {
		return nil, err
	}
	d.topics, err = l.count(ctx, func(topic string) string {
		switch {
		case slices.Contains(t.inputs, topic):
			return "inputs"
		case slices.Contains(t.outputs, topic):
			return topic
		case strings.HasPrefix(topic, app+"-"):
			return "internal"
		}
		return ""
	})
	l.progress("%s: %.1f s, %.1f CPU s, %s", s.title, d.Seconds, d.CPU, mb(d.RSS))
	return d, err
}

// proofRecords is how many records inv's proof has: few, since inv verify evaluates each
// expression as plainly as possible, and takes minutes for a million.
const proofRecords = 20_000

// proves reports whether inv is verified.
func (l *lab) proves() bool { return !l.unverified && l.wants("inv") }

// prove has inv work off the small backlog of a task, and verifies what it wrote.
func (l *lab) prove(ctx context.Context, t task) error {
	if _, err := l.workOff(ctx, t, declaredSide(t)); err != nil {
		return err
	}
	if err := l.declare(ctx, t, "--app-id", l.lastApp, "verify", t.topology); err != nil {
		return fmt.Errorf("verifying inv's run: %w", err)
	}
	l.progress("inv verify %s holds on the small backlog", t.topology)
	return nil
}

// compare times the sides of a task in turn, and prints a table with a row for each. unit
// is what the records are called.
func (l *lab) compare(ctx context.Context, t task, records int, unit string, sides ...side) (map[string][]*drained, error) {
	sides, runs := l.wanted(slices.Clone(sides)...), map[string][]*drained{}
	if l.before != "" && len(sides) > 0 && sides[0].name == "inv" {
		sides = slices.Insert(sides, 1, beforeSide(t, sides[0]))
	}
	wrote, seed := map[digest]string{}, maphash.MakeSeed()
	if !l.cold && len(sides) > 0 {
		l.progress("a run that does not count, to warm up the broker")
		if _, err := l.workOff(ctx, t, sides[0]); err != nil {
			return nil, err
		}
	}
	for round := range max(l.rounds, l.peerRounds) {
		for _, s := range sides {
			if round >= l.rounds && !s.peer || round >= l.peerRounds && s.peer {
				continue
			}
			d, err := l.workOff(ctx, t, s)
			if err != nil {
				return nil, err
			}
			if runs[s.name] = append(runs[s.name], d); !t.same || len(runs[s.name]) > 1 {
				continue
			}
			what, err := l.digestOf(ctx, t, seed)
			if err != nil {
				return nil, err
			}
			if wrote[what] = s.title; len(wrote) > 1 {
				return nil, fmt.Errorf("the sides wrote different records: %v", wrote)
			}
		}
	}
	sides = slices.DeleteFunc(sides, func(s side) bool { return len(runs[s.name]) == 0 })
	head(slices.Concat([]string{"", "rounds", unit + "/s", "s", "CPU s", "broker's CPU s", "peak RSS"}, t.outputs, []string{"internal (KiB)"})...)
	for _, s := range sides {
		r := runs[s.name]
		took, last := medianOf(r, seconds), r[len(r)-1].topics
		fmt.Printf("| %s | %d | %.0f | %.1f | %.1f | %.1f | %s |", s.title, len(r), float64(records)/took, took,
			medianOf(r, cpu), measure.MedianOf(r, brokerCPU), mb(medianOf(r, rss)))
		for _, topic := range t.outputs {
			fmt.Printf(" %d |", last[topic].records)
		}
		fmt.Printf(" %d (%d) |\n", last["internal"].records, last["internal"].bytes>>10)
	}
	fmt.Println()
	return runs, nil
}
