package processor

import (
	"errors"
	"maps"
	"testing"
	"time"

	"inv/internal/kafka/stamp"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kadm"
)

func TestPositionsOfEachFormat(t *testing.T) {
	ids := map[string]string{"catalog": "a==", "orders": "b==", "receipts": "c==", "reorders": "d==", "log": "e==", "ledger-changelog": "f==", "procurement-changelog": "g=="}
	for metadata, want := range map[string]position{
		"inv/1 4711 a== b== c== d== e== f== g==":                {4711, "", ids},
		"inv/1 0 a== b== c== d== e== f== g== policy=reference":  {0, "reference", ids},
		"inv/2 4711 log=e== ledger-changelog=f==":               {4711, "", map[string]string{"log": "e==", "ledger-changelog": "f=="}},
		"inv/2 9 log=e== ledger-changelog=f== policy=reference": {9, "reference", map[string]string{"log": "e==", "ledger-changelog": "f=="}},
		"inv/2 9": {9, "", map[string]string{}},
		"inv/2 9223372036854775807 orders=b== later-topic=zz==": {1<<63 - 1, "", map[string]string{"orders": "b==", "later-topic": "zz=="}},
	} {
		got, err := parsePosition(metadata)
		if err != nil || got.offset != want.offset || got.policy != want.policy || !maps.Equal(got.ids, want.ids) {
			t.Errorf("%q is read as %+v, %v", metadata, got, err)
		}
	}
	for _, metadata := range []string{"", "inv/1", "inv/1 4711 a== b==", "inv/1 x a== b== c== d== e== f== g==", "inv/2", "inv/2 ", "inv/2 4711 log", "something else", "4711"} {
		if _, err := parsePosition(metadata); !errors.Is(err, stamp.ErrNone) {
			t.Errorf("%q: error %v, want that it is no position", metadata, err)
		}
	}
	var other stamp.FormatError
	if _, err := parsePosition("inv/3 4711 log=e=="); !errors.As(err, &other) || other != "inv/3" {
		t.Errorf("a later format: error %v", err)
	}
}

// stamped returns a stage's metadata, on topics whose ids begin with their aliases.
func stamped(stage *Stage, policy string) (*application, string) {
	l := &layout{names: map[string]string{}, ids: map[string]kadm.TopicID{}}
	for _, alias := range append(stage.Reads, stage.outputs()...) {
		l.names[alias] = "t." + alias
		var id kadm.TopicID
		copy(id[:], alias)
		l.ids["t."+alias] = id
	}
	a := &application{cfg: Config{AppID: "app"}, layout: l, topologies: map[*Stage]*Topology{stage: {Policy: policy}}}
	return a, a.stamp(stage)(42, "")
}

// What a stage stamps is what it reads; a topic of another stage plays no part.
func TestStampsAreRead(t *testing.T) {
	stage := &Stage{Name: "s", Reads: []string{"in", "in2"}, Log: "log", Writes: []Output{{Topic: "out", Kind: "out"}, {Topic: "next", Kind: "next", Feeds: true}}}
	a, metadata := stamped(stage, "strict")
	p, err := parsePosition(metadata)
	if err != nil || p.offset != 42 || p.policy != "strict" {
		t.Fatalf("%q is read as %+v, %v", metadata, p, err)
	}
	for alias, want := range map[string]bool{"in": true, "in2": true, "log": true, "next": true, "out": false} {
		if _, ok := p.ids[alias]; ok != want {
			t.Errorf("%s is in the metadata: %t, want %t", alias, ok, want)
		}
	}
	offset := kadm.Offset{Topic: "t.in", At: 42, Metadata: metadata}
	if err := a.comparePosition(stage, offset); err != nil {
		t.Errorf("its own offset is refused: %v", err)
	}
	var wrong *StartOverError
	offset.At++
	if err := a.comparePosition(stage, offset); !errors.As(err, &wrong) {
		t.Errorf("a moved offset: %v", err)
	}
	offset.At--
	a.topologies[stage].Policy = ""
	if err := a.comparePosition(stage, offset); !errors.As(err, &wrong) {
		t.Errorf("another policy: %v", err)
	}
	a.topologies[stage].Policy = "strict"
	a.layout.ids["t.out"] = kadm.TopicID{1}
	if err := a.comparePosition(stage, offset); err != nil {
		t.Errorf("an output that nothing continues from was recreated: %v", err)
	}
	a.layout.ids["t.next"] = kadm.TopicID{1}
	if err := a.comparePosition(stage, offset); !errors.As(err, &wrong) {
		t.Errorf("a recreated topic: %v", err)
	}
}

func FuzzParsePosition(f *testing.F) {
	f.Add("inv/1 4711 a== b== c== d== e== f== g== policy=reference")
	f.Add("inv/2 4711 log=e== ledger-changelog=f==")
	f.Fuzz(func(t *testing.T, metadata string) {
		p, err := parsePosition(metadata)
		if err == nil && p.ids == nil {
			t.Errorf("%q is read as %+v", metadata, p)
		}
	})
}

func TestMistakesInTopologies(t *testing.T) {
	logic := func(Env) (stage.Logic, error) { return nil, nil }
	right := Stage{Name: "s", Reads: []string{"in"}, New: logic}
	with := func(change func(*Stage)) []Topology {
		s := right
		change(&s)
		return []Topology{{Name: "t", Stages: []Stage{s}}}
	}
	if err := check(with(func(*Stage) {})); err != nil {
		t.Errorf("a right topology: %v", err)
	}
	for name, topologies := range map[string][]Topology{
		"none":                  nil,
		"no stage name":         with(func(s *Stage) { s.Name = "" }),
		"two of a name":         {{Stages: []Stage{right}}, {Stages: []Stage{right}}},
		"reads nothing":         with(func(s *Stage) { s.Reads = nil }),
		"first is no source":    with(func(s *Stage) { s.First = "other" }),
		"state of two sources":  with(func(s *Stage) { s.Reads, s.State = []string{"a", "b"}, "state" }),
		"pending without state": with(func(s *Stage) { s.Pending = func([]byte) (int64, time.Time, error) { return 0, time.Time{}, nil } }),
		"log without marks":     with(func(s *Stage) { s.Log = "log" }),
		"no logic":              with(func(s *Stage) { s.New = nil }),
	} {
		if check(topologies) == nil {
			t.Errorf("%s is not found", name)
		}
	}
}

// What shapes the state is compared with what made it: another shape needs a higher
// version and a way from the lower one. Offsets of before there were shapes are accepted.
func TestShapesAreCompared(t *testing.T) {
	for name, c := range map[string]struct {
		before, now Stage
		want        string // "": accepted
	}{
		"the same":      {Stage{Shape: "from.1,keep.2", Version: 1}, Stage{Shape: "from.1,keep.2", Version: 1}, ""},
		"without one":   {Stage{}, Stage{Shape: "from.1", Version: 1}, ""},
		"no longer one": {Stage{Shape: "from.1", Version: 1}, Stage{}, ""},
		"changed": {Stage{Shape: "from.1,keep.2,set.5", Version: 1}, Stage{Shape: "from.1,keep.3,set.4", Version: 1},
			"the topology fraud is not the one that made the state of app-s: keep, set changed since"},
		"an upgrade": {Stage{Shape: "from.1", Version: 1}, Stage{Shape: "from.2", Version: 2, Upgrades: true}, ""},
		"no upgrade": {Stage{Shape: "from.1", Version: 1}, Stage{Shape: "from.2", Version: 2},
			"the topology fraud has version 2, and the state of app-s is of version 1, with nothing that upgrades it"},
		"an upgrade that is changed later": {Stage{Shape: "from.1", Version: 2}, Stage{Shape: "from.2", Version: 2, Upgrades: true},
			"the topology fraud is not the one that made the state of app-s: from changed since"},
		"back": {Stage{Shape: "from.1", Version: 2}, Stage{Shape: "from.1", Version: 1, Upgrades: true},
			"the topology fraud has version 1, and the state of app-s is of version 2"},
	} {
		for _, s := range []*Stage{&c.before, &c.now} {
			s.Name, s.Reads, s.State = "s", []string{"in"}, "changelog"
		}
		_, metadata := stamped(&c.before, "")
		a, _ := stamped(&c.now, "")
		a.topologies[&c.now].Name = "fraud"
		err := a.comparePosition(&c.now, kadm.Offset{Topic: "t.in", At: 42, Metadata: metadata})
		var changed *ChangedError
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (!errors.As(err, &changed) || err.Error() != c.want):
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// Only what a partition has noted stays when an offset is moved.
func TestNotesOfAPartition(t *testing.T) {
	got := noteOf("inv/2 9 log=e== policy=x @version=1 @shape=from.1 @partitions=6 @state=2.ff @waiting=3 @held=4 @clock=5.6")
	if want := "@state=2.ff @waiting=3 @held=4 @clock=5.6"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
