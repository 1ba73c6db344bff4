package scenario

import (
	"slices"
	"testing"
)

func TestResolveTopicBeforeAlias(t *testing.T) {
	s := &Scenario{Topics: []Topic{
		{Alias: "orders", Name: "order_events"}, {Alias: "log", Name: "{app}-log"}, {Alias: "same", Name: "same"},
		{Alias: "dlq", DeadLettersOf: []string{"orders", "same"}},
	}}
	for _, c := range []struct {
		name     string
		existing []string
		want     []string
		others   bool
	}{
		{"orders", nil, []string{"order_events"}, true},
		{"orders", []string{"order_events"}, []string{"order_events"}, true},
		{"orders", []string{"orders"}, []string{"orders"}, true},
		{"orders", []string{"orders", "order_events"}, []string{"orders"}, true},
		{"order_events", []string{"orders", "order_events"}, []string{"order_events"}, false},
		{"log", []string{"inv-log"}, []string{"inv-log"}, true},
		{"same", []string{"same"}, []string{"same"}, false},
		{"dlq", nil, []string{"order_events.dlq", "same.dlq"}, true},
		{"dlq", []string{"dlq"}, []string{"dlq"}, true},
		{"none", nil, nil, false},
	} {
		got := s.Resolve(c.name, "inv", func(topic string) bool { return slices.Contains(c.existing, topic) })
		if _, others := s.OtherThan(c.name, "inv"); !slices.Equal(got, c.want) || others != c.others {
			t.Errorf("%s with %q: %q, %v", c.name, c.existing, got, others)
		}
	}
}

func TestMatchTopic(t *testing.T) {
	for _, c := range []struct {
		pattern, topic string
		want           bool
	}{
		{"order*", "orders", true}, {"order*", "reorders", false}, {"*", "__consumer_offsets", false},
		{"__*", "__consumer_offsets", true}, {"?[ab]", "xb", true}, {"[", "[", false},
	} {
		if got := MatchTopic(c.pattern, c.topic); got != c.want || CheckPattern(c.pattern) != nil != (c.pattern == "[") {
			t.Errorf("%q on %q: %v", c.pattern, c.topic, got)
		}
	}
}
