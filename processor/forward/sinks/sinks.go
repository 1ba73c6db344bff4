// Package sinks is the list of the kinds of sinks: it makes what package forward runs from
// what a scenario declares.
package sinks

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"inv/internal/scenario"
	"inv/processor/forward"
	"inv/processor/forward/compose"
)

// Sink is a declared sink that [forward.Run] can run, once its Config has a cluster.
type Sink struct {
	Name string
	// Config is what the declaration says; the caller sets Kafka and the rest.
	Config forward.Config
	forward.Sink
}

// MissingError is returned for variables of the environment without a value.
type MissingError struct {
	Variables []string // each once, in the order of their names
	Sinks     []string // that need one of them
}

func (e *MissingError) Error() string {
	plural := func(names []string) string {
		if len(names) > 1 {
			return "s " + strings.Join(names, ", ")
		}
		return " " + strings.Join(names, ", ")
	}
	return fmt.Sprintf("sink%s: the environment lacks the variable%s", plural(e.Sinks), plural(e.Variables))
}

// Options are what a declaration leaves to the caller.
type Options struct {
	App     string                           // application id
	Lookup  func(name string) (string, bool) // of variables of the environment
	Version string                           // of inv, for servers; may be ""
	At      func(point string)               // called at the points that docs/dev/forward.md names; may be nil
}

// New makes declared sinks of a scenario. Variables that are missing, of all sinks, are in
// one [MissingError]. It connects to nothing. The caller closes the sinks.
func New(sc *scenario.Scenario, declared []*scenario.Sink, o Options) ([]*Sink, error) {
	missing := &MissingError{}
	var list []*Sink
	var failed error
	for _, d := range declared {
		vars := compose.NewVariables(o.Lookup)
		vars.InFile(sc.File)
		s, err := newSink(sc, d, vars, o)
		if names := vars.Missing(); len(names) > 0 {
			missing.Variables = append(missing.Variables, names...)
			missing.Sinks = append(missing.Sinks, d.Name)
			err = nil // it is of what is missing
		}
		if err != nil && failed == nil {
			failed = fmt.Errorf("sink %s: %w", d.Name, vars.Error(err))
		}
		if s != nil {
			list = append(list, s)
		}
	}
	if len(missing.Variables) > 0 {
		slices.Sort(missing.Variables)
		missing.Variables = slices.Compact(missing.Variables)
		failed = missing
	}
	if failed != nil {
		for _, s := range list {
			_ = s.Close() // it has not been used
		}
		return nil, failed
	}
	return list, nil
}

// newSink makes a sink: what the loop needs of the declaration, and the receiver.
func newSink(sc *scenario.Scenario, d *scenario.Sink, vars *compose.Variables, o Options) (*Sink, error) {
	s := &Sink{Name: d.Name, Config: forward.Config{
		App: o.App, Name: d.Name, Lanes: d.Lanes, Timeout: d.Timeout, Latest: d.Latest, Hide: vars.Error, At: o.At,
	}}
	for _, alias := range d.From {
		for _, topic := range sc.TopicNames(alias, o.App) {
			s.Config.Sources = append(s.Config.Sources, forward.Source{Alias: alias, Topic: topic})
		}
	}
	if err := errors.Join(s.choose(d), s.connect(d, vars, o)); err != nil {
		if s.Sink != nil {
			_ = s.Close() // it has not been used
		}
		return nil, err
	}
	return s, nil
}

// choose compiles what the loop asks of each record.
func (s *Sink) choose(d *scenario.Sink) error {
	if d.Where != nil {
		where, err := compose.NewCondition(d.Where)
		if err != nil {
			return err
		}
		s.Config.Where = where.Holds
	}
	if d.Lane != nil {
		lane, err := compose.NewSelector(d.Lane)
		if err != nil {
			return err
		}
		s.Config.Lane = lane.Text
	}
	if d.Group != nil {
		by, err := compose.NewSelector(&d.Group.By)
		if err != nil {
			return err
		}
		s.Config.Group = &forward.Grouping{By: by.Text, Wait: d.Group.Wait, Every: d.Group.Every}
	}
	return nil
}
