package scenario

import (
	"fmt"
	"slices"
	"strings"

	"inv/internal/suggest"

	"gopkg.in/yaml.v3"
)

// reserved are the variables that expressions have without a join, without the dollar
// sign.
var reserved = []string{
	"s", "was", "n", "t", "key", "in", "topic", "partition", "offset", "headers", "clock", "i", "window", "ENV", "__loc__", "__prog_args",
}

// keywords are the words of jq that can't name a definition.
var keywords = []string{
	"and", "as", "catch", "def", "elif", "else", "end", "false", "foreach", "if", "import", "include", "label", "module", "null", "or",
	"reduce", "then", "true", "try",
}

// notReserved reports a name that is a variable's.
func (d *Decoder) notReserved(key *yaml.Node, what string) {
	if slices.Contains(reserved, key.Value) {
		d.Problem(key, "%s: $%s is a variable already; take another name", what, key.Value)
	}
}

// alias reads the alias of a topic.
func (d *Decoder) alias(n *yaml.Node, what string) string {
	alias := d.String(n, what)
	if alias != "" {
		d.usesTopic(n, what)
	}
	return alias
}

// usesTopic checks, when the topics are known, that a topology can use the alias that a
// node has.
func (d *Decoder) usesTopic(n *yaml.Node, what string) {
	d.later = append(d.later, func(s *Scenario) {
		switch t, ok := s.Topic(n.Value); {
		case !ok:
			var aliases []string
			for _, t := range s.Topics {
				if !t.Internal && len(t.DeadLettersOf) == 0 {
					aliases = append(aliases, t.Alias)
				}
			}
			d.Problem(n, "%s: `topics:` has no %q%s", what, n.Value, aliasHint(n.Value, aliases))
		case t.Internal:
			d.Problem(n, "%s: the topic %q is internal, the processor's own; take another", what, n.Value)
		case len(t.DeadLettersOf) > 0:
			d.Problem(n, "%s: %q has the dead letters of other topics; take an alias of one topic", what, n.Value)
		}
	})
}

// maxHinted bounds the names that a hint considers or lists.
const maxHinted = 100

// aliasHint returns the alias that may be meant, or those there are.
func aliasHint(word string, aliases []string) string {
	aliases = aliases[:min(len(aliases), maxHinted)]
	if hint := suggest.DidYouMean(word, aliases); hint != "" || len(aliases) == 0 {
		return hint
	}
	return "; it has " + strings.Join(aliases, ", ")
}

// checkTopology checks what the keys of a topology mean together. The positions are those
// of the values of its keys.
func (d *Decoder) checkTopology(t *Topology, at map[string]Position) {
	if len(t.From) == 0 {
		return
	}
	if d.checkKeys(t) {
		d.checkState(t, at)
	} else {
		d.checkStateless(t, at)
	}
	d.checkNames(t)
	d.checkWhen(t)
	d.checkSelf(t)
	if t.Upgrade != nil && t.Version < 2 {
		d.ProblemAt(t.Upgrade.Pos, "topology %q: `upgrade:` makes the state of a version from that of an earlier one; it needs `version: 2` or higher", t.Name)
	}
}

// checkKeys reports whether the topology has state. Of its inputs, all have a key or none.
func (d *Decoder) checkKeys(t *Topology) bool {
	keyed := slices.IndexFunc(t.From, func(in Input) bool { return in.Key != nil })
	if keyed < 0 {
		return false
	}
	for _, in := range t.From {
		if in.Key == nil {
			d.ProblemAt(in.Pos, "input %q has no `key:`, and %q has; a topology has state, and a key for each input, or none", in.Alias, t.From[keyed].Alias)
		}
	}
	return true
}

// checkStateless refuses what needs state.
func (d *Decoder) checkStateless(t *Topology, at map[string]Position) {
	refuse := func(pos Position, key string) {
		d.ProblemAt(pos, "topology %q: `%s:` needs state; give each input a `key:`", t.Name, key)
	}
	for _, in := range t.From {
		if len(in.Set) > 0 {
			refuse(in.Set[0].Pos, "set")
		}
	}
	for _, key := range []string{"keep", "timers", "window", "until", "ttl", "order", "grace", "ahead", "idle", "version", "upgrade"} {
		if pos, ok := at[key]; ok {
			refuse(pos, key)
		}
	}
	for _, e := range t.Emit {
		if len(e.Set) > 0 {
			refuse(e.Set[0].Pos, "set")
		}
		if e.Once > 0 {
			refuse(e.Pos, "once")
		}
	}
}

// checkState checks the keys that state has.
func (d *Decoder) checkState(t *Topology, at map[string]Position) {
	ttl, forgets := at["ttl"]
	switch {
	case t.Window != nil && forgets:
		d.ProblemAt(ttl, "topology %q: with a window there is no `ttl:`; the state is forgotten when the window has ended", t.Name)
	case t.Window != nil:
		t.TTLForever = true
	case !forgets:
		d.ProblemAt(t.Pos, "topology %q needs `ttl:`, the time without a record after which a key is forgotten, such as 30d; or forever, if the keys are few", t.Name)
	}
	if t.Window == nil {
		return
	}
	if len(t.Timers) > 0 {
		d.ProblemAt(at["timers"], "topology %q has a window, and so no timers; a topology of its own can have them", t.Name)
	}
	if t.Window.Gap == 0 || t.Window.Every > 0 {
		return
	}
	if t.Order != ByTime {
		d.ProblemAt(t.Window.Pos, "topology %q: a window with `gap:` needs `order: time`", t.Name)
	}
	sets := slices.Concat(setsOf(t)...)
	if len(sets) > 0 {
		d.ProblemAt(sets[0].Pos, "topology %q: the state of a window with `gap:` is what `keep:` computes; there is no `set:`", t.Name)
	}
}

// setsOf returns the assignments of the inputs and emits.
func setsOf(t *Topology) (sets [][]Assignment) {
	for _, in := range t.From {
		sets = append(sets, in.Set)
	}
	for _, e := range t.Emit {
		sets = append(sets, e.Set)
	}
	return sets
}

// checkNames refuses a field of the state that is both set and computed.
func (d *Decoder) checkNames(t *Topology) {
	for _, set := range slices.Concat(setsOf(t)...) {
		if slices.ContainsFunc(t.Keep, func(a Aggregate) bool { return a.Field == set.Field }) {
			d.ProblemAt(set.Pos, "topology %q: set: $s.%s is computed under `keep:`; give the field another name", t.Name, set.Field)
		}
	}
}

// checkWhen checks that emits and timers belong together.
func (d *Decoder) checkWhen(t *Topology) {
	var names []string
	for _, timer := range t.Timers {
		names = append(names, timer.Name)
	}
	for _, e := range t.Emit {
		switch {
		case e.When == "" || slices.Contains(names, e.When):
		case e.When != Closed:
			hint := suggest.DidYouMean(e.When, append(names, Closed))
			if hint == "" && len(names) > 0 {
				hint = "; there are " + strings.Join(names, ", ")
			} else if hint == "" {
				hint = "; declare it under `timers:`"
			}
			d.ProblemAt(e.whenPos, "topology %q: when: there is no timer %q%s", t.Name, e.When, hint)
		case t.Window == nil:
			d.ProblemAt(e.whenPos, "topology %q: when: closed is the end of a window, and the topology has no `window:`", t.Name)
		}
	}
	for _, timer := range t.Timers {
		if timer.Name != Closed && !slices.ContainsFunc(t.Emit, func(e Emit) bool { return e.When == timer.Name }) {
			d.ProblemAt(timer.Pos, "topology %q: nothing happens at the timer %q; add `when: %s` to an emit, or remove it", t.Name, timer.Name, timer.Name)
		}
	}
}

// checkSelf refuses a topology that reads what it writes.
func (d *Decoder) checkSelf(t *Topology) {
	reads := t.Reads()
	for _, e := range t.Emit {
		if slices.Contains(reads, e.To) {
			d.ProblemAt(e.Pos, "topology %q reads its own output, %q; a second topology can continue from it", t.Name, e.To)
		}
	}
}

// checkTopologies checks what topologies and topics mean to each other.
func (d *Decoder) checkTopologies(s *Scenario) {
	for i := range s.Topologies {
		t := &s.Topologies[i]
		if t.BuiltIn {
			continue
		}
		d.checkOwn(s, t, t.Log(), "log", false)
		d.checkOwn(s, t, t.Changelog(), "changelog", true)
		for _, suffix := range []string{"-route", "-state"} {
			if base, ok := strings.CutSuffix(t.Name, suffix); ok && s.Topology(base) != nil {
				d.ProblemAt(t.Pos, "topology %q has the name of a stage of topology %q; give it another name", t.Name, base)
			}
		}
	}
}

// checkOwn checks a topic that a topology keeps for itself, if the file declares it.
func (d *Decoder) checkOwn(s *Scenario, t *Topology, alias, what string, compact bool) {
	topic, ok := s.Topic(alias)
	if !ok || !t.Keyed() {
		return
	}
	if !topic.Internal || topic.Compact != compact || len(topic.DeadLettersOf) > 0 {
		cleanup := map[bool]string{false: "delete", true: "compact"}[compact]
		d.ProblemAt(t.Pos, "topology %q: the topic with the alias %q is its %s, and needs `internal: true` and `cleanup: %s`", t.Name, alias, what, cleanup)
	}
}

// Reads returns the aliases of the topics that a topology reads: those of `from:`, and
// then the tables of joins.
func (t *Topology) Reads() (aliases []string) {
	for _, in := range t.From {
		aliases = append(aliases, in.Alias)
	}
	for _, in := range t.From {
		for _, j := range in.Join {
			if !slices.Contains(aliases, j.Table) {
				aliases = append(aliases, j.Table)
			}
		}
	}
	return aliases
}

// Writes returns the aliases of the topics that a topology writes, in the order of its
// emits.
func (t *Topology) Writes() (aliases []string) {
	for _, e := range t.Emit {
		if !slices.Contains(aliases, e.To) {
			aliases = append(aliases, e.To)
		}
	}
	return aliases
}

// ownTopics returns the topics that the declared topologies need and the file lacks.
func (t *Topology) ownTopics() []Topic {
	if !t.Keyed() {
		return nil
	}
	return []Topic{
		{Alias: t.Log(), Name: "{app}-" + t.Log(), Partitions: defaultPartitions, Internal: true,
			View: &View{Lines: true, Time: "t", Columns: []Column{{Show: "{k}", Join: ", "}, {Show: "{in}", Join: ", "}, {Show: "{src}", Join: ", "}}}},
		{Alias: t.Changelog(), Name: "{app}-" + t.Changelog(), Partitions: defaultPartitions, Internal: true, Compact: true},
	}
}

// addTopics adds the topics that the declared topologies and sinks need and the file
// lacks: logs and changelogs, an alias for dead letters, and those that a sink has for
// itself.
func (s *Scenario) addTopics() {
	for i := range s.Topologies {
		t := &s.Topologies[i]
		for _, topic := range t.ownTopics() {
			if _, ok := s.Topic(topic.Alias); ok {
				continue
			}
			if log, ok := s.Topic(t.Log()); ok {
				topic.Partitions = log.Partitions // of the changelog
			}
			s.Topics = append(s.Topics, topic)
		}
		for _, in := range t.From {
			s.addDeadLetters(in.Alias)
		}
	}
	for i := range s.Sinks {
		for _, topic := range s.Sinks[i].ownTopics() {
			at := slices.IndexFunc(s.Topics, func(t Topic) bool { return t.Alias == topic.Alias })
			if at < 0 {
				at = len(s.Topics)
				s.Topics = append(s.Topics, topic)
			}
			s.Topics[at].Sink = topic.Sink
		}
	}
}

// addDeadLetters adds a topic to those whose dead letters an alias has.
func (s *Scenario) addDeadLetters(alias string) {
	if topic, ok := s.Topic(alias); !ok || len(topic.DeadLettersOf) > 0 {
		return // a problem of the file
	}
	first := -1
	for i, t := range s.Topics {
		if slices.Contains(t.DeadLettersOf, alias) {
			return
		}
		if first < 0 && len(t.DeadLettersOf) > 0 {
			first = i
		}
	}
	if first >= 0 {
		t := &s.Topics[first]
		t.DeadLettersOf = append(slices.Clip(t.DeadLettersOf), alias)
		return
	}
	name := "dlq"
	for i := 2; ; i++ {
		if _, taken := s.Topic(name); !taken {
			break
		}
		name = fmt.Sprintf("dlq-%d", i)
	}
	s.Topics = append(s.Topics, Topic{Alias: name, Partitions: defaultPartitions, DeadLettersOf: []string{alias}})
}
