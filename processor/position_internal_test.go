package processor

import (
	"errors"
	"maps"
	"testing"
	"time"

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
		if _, err := parsePosition(metadata); !errors.Is(err, errNoPosition) {
			t.Errorf("%q: error %v, want that it is no position", metadata, err)
		}
	}
	var other formatError
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
	a := &application{cfg: Config{AppID: "app"}, layout: l, policies: map[*Stage]string{stage: policy}}
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
	a.policies[stage] = ""
	if err := a.comparePosition(stage, offset); !errors.As(err, &wrong) {
		t.Errorf("another policy: %v", err)
	}
	a.policies[stage] = "strict"
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
