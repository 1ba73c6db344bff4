package processor

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"inv/internal/kafka"
	"inv/internal/kafka/stamp"

	"github.com/twmb/franz-go/pkg/kadm"
)

// position is the metadata of an offset that a stage commits: the offset once
// more, which other tools leave out when they move one, and the ids of the
// stage's topics. A recreated topic has the name of the old one but not its
// records; since deleting a topic removes its own offsets, those of the stage's
// other topics must tell. Rules other than the default ones are named, because
// state made by one policy means nothing to another:
//
//	inv/2 4711 log=wW3HZbXUTAWZ5cXqGbJFyQ== ledger-changelog=… [policy=reference] [@state=20.1f3c…] [@waiting=3] [@partitions=6] [@version=1 @shape=…]
//
// A topic that the metadata doesn't name is not compared, so a later version may
// add topics to a stage. Notes begin with an @, which no alias does; programs
// before them pass them over, and what lacks a note is not compared either.
type position struct {
	offset int64
	policy string
	ids    map[string]string // by alias; notes are among them
}

// Notes of a position.
const (
	notePrefix     = "@"
	noteState      = "@state"           // the Digest of the changelog's partition
	noteWaiting    = kafka.WaitingField // records in the changelog that wait for another
	notePartitions = "@partitions"      // of the source, if the state is laid out by them
	noteShape      = "@shape"           // Stage.Shape
	noteVersion    = NoteVersion
)

// NoteVersion is the note, see [Env.Notes], with the Stage.Version of the state.
const NoteVersion = "@version"

// firstFormat had the ids of all topics of the inventory system, in the order of
// firstAliases and without their names. [stamp.Format] replaced it.
const firstFormat = "inv/1"

// firstAliases returns the topics that firstFormat names.
func firstAliases() []string {
	return []string{"catalog", "orders", "receipts", "reorders", "log", "ledger-changelog", "procurement-changelog"}
}

const policyKey = "policy"

// defaultPolicy is what messages call the policy "".
const defaultPolicy = "default"

// stamp returns what makes the metadata of a stage's offset.
func (a *application) stamp(stage *Stage) func(offset int64, note string) string {
	var rest strings.Builder
	for _, alias := range stage.identity() {
		fmt.Fprintf(&rest, " %s=%s", alias, a.layout.ids[a.layout.names[alias]])
	}
	if policy := a.topologies[stage].Policy; policy != "" {
		fmt.Fprintf(&rest, " %s=%s", policyKey, policy)
	}
	if n := a.fixedPartitions(stage); n > 0 {
		fmt.Fprintf(&rest, " %s=%d", notePartitions, n)
	}
	if stage.Shape != "" {
		fmt.Fprintf(&rest, " %s=%d %s=%s", noteVersion, stage.Version, noteShape, stage.Shape)
	}
	suffix := rest.String()
	return func(offset int64, note string) string {
		if note != "" {
			note = " " + note
		}
		return stamp.Format + " " + strconv.FormatInt(offset, 10) + suffix + note
	}
}

// parsePosition reads the metadata of a committed offset, also that of earlier
// versions.
func parsePosition(metadata string) (position, error) {
	if isEarlier(metadata + " ") {
		metadata = renewed(metadata)
	}
	parsed, err := stamp.Parse(metadata)
	if err != nil {
		return position{ids: map[string]string{}}, err
	}
	p := position{offset: parsed.Offset, policy: parsed.Fields[policyKey], ids: parsed.Fields}
	delete(p.ids, policyKey)
	return p, nil
}

// renewed returns metadata of the first format in the present one, "" if it has too few
// fields.
func renewed(metadata string) string {
	fields, aliases := strings.Split(metadata, " "), firstAliases()
	if len(fields) < 2+len(aliases) {
		return ""
	}
	fields[0] = stamp.Format
	for i, alias := range aliases {
		fields[2+i] = alias + "=" + fields[2+i]
	}
	return strings.Join(fields, " ")
}

// isEarlier reports whether metadata has a format of an earlier version, which
// the next commit replaces.
func isEarlier(metadata string) bool { return strings.HasPrefix(metadata, firstFormat+" ") }

// comparePosition compares a committed offset with the stage and its topics.
func (a *application) comparePosition(stage *Stage, o kadm.Offset) error {
	group := Group(a.cfg.AppID, stage.Name)
	p, err := parsePosition(o.Metadata)
	var other stamp.FormatError
	switch {
	case errors.As(err, &other):
		return StartOver("the group %s was left by another version of inv, as %s; this one continues from %s: use that version",
			group, quoted(string(other)), stamp.Format)
	case err != nil || p.offset != o.At:
		return StartOver("the group %s is at offset %d of %s/%d, where no inv process has left it: its offsets were set back or forward by another tool, so records would count twice or not at all",
			group, o.At, o.Topic, o.Partition)
	case p.policy != a.topologies[stage].Policy:
		return StartOver("the group %s was left by a processor with policy %s, and this one has %s, whose rules can't continue from its state: use another application id with topics of its own",
			group, quotedPolicy(p.policy), quotedPolicy(a.topologies[stage].Policy))
	}
	for _, alias := range stage.identity() {
		topic := a.layout.names[alias]
		if id, ok := p.ids[alias]; ok && id != a.layout.ids[topic].String() {
			return StartOver("topic %s was deleted and recreated since the group %s committed: its records are others now, or lost", topic, group)
		}
	}
	if err := a.compareShape(stage, p); err != nil {
		return err
	}
	if have := a.fixedPartitions(stage); have > 0 && p.ids[notePartitions] != "" && p.ids[notePartitions] != strconv.Itoa(have) {
		want, err := strconv.Atoi(p.ids[notePartitions])
		if err != nil {
			return StartOver("the group %s was left by another version of inv, as %s", group, quoted(o.Metadata))
		}
		return &GrownError{Topic: o.Topic, Have: have, Want: want}
	}
	return nil
}

// compareShape compares what shapes a stage's state with what shaped the state that is
// there.
func (a *application) compareShape(stage *Stage, p position) error {
	shape, ok := p.ids[noteShape]
	if !ok || stage.Shape == "" {
		return nil
	}
	version, err := strconv.Atoi(p.ids[noteVersion])
	if err != nil {
		return stamp.ErrNone
	}
	if version == stage.Version && shape == stage.Shape || version < stage.Version && stage.Upgrades {
		return nil
	}
	return &ChangedError{
		Topology: a.topologies[stage].Name, Group: Group(a.cfg.AppID, stage.Name),
		Version: stage.Version, Committed: version, Parts: changedParts(shape, stage.Shape),
	}
}

// changedParts returns the names of the parts in which two shapes differ.
func changedParts(before, now string) (names []string) {
	hashes := map[string]string{}
	for part := range strings.SplitSeq(before, ",") {
		name, hash, _ := strings.Cut(part, ".")
		hashes[name] = hash
	}
	for part := range strings.SplitSeq(now, ",") {
		if name, hash, _ := strings.Cut(part, "."); hashes[name] != hash {
			names = append(names, name)
		}
	}
	return names
}

func quotedPolicy(policy string) string {
	setDefault(&policy, defaultPolicy)
	return quoted(policy)
}

// identity returns the topics whose ids the stage's committed offsets carry: if one
// of them is deleted and recreated, offsets and state mean nothing.
func (s *Stage) identity() []string {
	all := append(s.inputs(), s.kept()...)
	for _, w := range s.Writes {
		if w.Feeds {
			all = append(all, w.Topic)
		}
	}
	return all
}

// fixedPartitions returns the number of partitions that the source of a stage must
// keep, 0 if it may have any.
func (a *application) fixedPartitions(stage *Stage) int {
	if stage.State == "" || stage.Grows {
		return 0
	}
	return a.layout.count(a.layout.names[stage.Reads[0]])
}
