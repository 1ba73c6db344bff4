package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"inv/inspect"
	"inv/internal/kafka"
	"inv/internal/kafka/admin"
	"inv/internal/kafka/fetch"
	batches "inv/internal/kafka/produce"
	"inv/processor"
	"inv/processor/forward/sinks"
	"inv/processor/stage"
	"inv/producer"

	"github.com/twmb/franz-go/pkg/kerr"
)

// A hint is added once, however deep the error is wrapped.
func TestHints(t *testing.T) {
	_, unknown := kafka.ParseProperties([]string{"lingr.ms=20"})
	_, none := kafka.ParseProperties([]string{"no.such.thing.at.all=1"})
	_, isolation := kafka.ParseProperties([]string{"isolation.level=x"})
	_, servers := kafka.ParseProperties([]string{"bootstrap.servers=x:9092"})
	_, group := kafka.ParseProperties([]string{"group.id=x"})
	lost := &processor.LostError{
		Ranges: []processor.LostRange{{Alias: "orders", Topic: "t", Group: "g", From: 120, To: 5000}},
		Gone:   map[string]int64{"t": 5000},
	}
	for _, c := range []struct {
		err   error
		want  string
		usage bool
	}{
		{&kafka.RefusedError{Why: "no"}, "check tls and sasl of the profile", false},
		{&batches.BatchError{Topic: "t", Records: 1, Bytes: 1400078, Err: kerr.MessageTooLarge}, "inv topics alter t --set max.message.bytes=1400078 would make room for it", false},
		{kafka.ErrUnreachable, "start one with `inv broker`, or name yours with --brokers", false},
		{&kafka.PartitionsError{Topic: "t", Have: 2, Want: 6}, "has 2 partitions and must have 6: if the scenario has changed, declare 2 partitions for it again; else remove it with inv reset --app-id app", false},
		{&kafka.PartitionsError{Topic: "t", Have: 8, Want: 6}, "partitions can't be removed: inv reset --app-id app --outputs removes the topic and the state", false},
		{&processor.GrownError{Topic: "t", Have: 8, Want: 6}, "partitions can't be removed: inv reset --app-id app --outputs removes the topic and the state", false},
		{&processor.StartOverError{Err: &processor.LostStateError{Alias: "a", Topic: "t", Start: 5}}, "inv process --skip-lost a goes on if what is left is the whole state all the same", false},
		{&processor.InputsGoneError{Gone: map[string]int64{"in": 1}, Err: &processor.GrownError{Topic: "t", Have: 8, Want: 6}}, "but gives a wrong stock, since what was applied before is gone from the inputs: in lacks its first 1 offset", false},
		{&processor.GrowError{Topic: "t", Source: "s", Partitions: 8, Err: errors.New("not allowed")}, "kafka-topics.sh --alter --topic t --partitions 8", false},
		{&sinks.MissingError{Variables: []string{"A", "B"}, Sinks: []string{"x"}}, "sink x: the environment lacks the variables A, B; set them where inv runs: export A=… B=…", true},
		{&noTopicError{"x", []string{"t", "u"}, []string{"a", "b"}}, "sink x: topics t, u do not exist yet; inv process creates what it writes, and inv topics create a b the rest", false},
		{unknown, "did you mean linger.ms?", false},
		{none, "see `-X list`", false},
		{isolation, "see tail --uncommitted", false},
		{servers, "use --brokers", false},
		{group, "--app-id and --instance", false},
		{&admin.UnknownGroupError{Name: "audt", Known: []string{"audit"}}, `did you mean "audit"?`, true},
		{&admin.InUseError{Group: "g", Members: 2}, "in use by 2 members; stop them first", false},
		{processor.StartOver("topic t was recreated"), "inv reset --app-id app --outputs", false},
		{&processor.InputsGoneError{Gone: map[string]int64{"in": 1200}, Err: processor.StartOver("topic t was recreated")}, "gives a wrong stock, since what was applied before is gone from the inputs: in lacks its first 1,200 offsets", false},
		{&stage.LostRecordsError{Topic: "t", Err: errors.New("gone")}, "start inv process again", false},
		{lost, "offsets 120 to 4999; inv process --skip-lost orders keeps the state and goes on with what is left: these orders are never applied", false},
		{lost, "inv reset --app-id app --outputs gives a wrong stock", false},
		{&processor.ChangedError{Topology: "fraud", Version: 1, Committed: 1, Parts: []string{"keep"}}, "give it version: 2 and upgrade:, an expression that makes the new state of the old one; inv reset --topology fraud --app-id app starts it over", false},
		{&processor.ChangedError{Topology: "fraud", Version: 2, Committed: 1}, "; give it upgrade:", false},
		{&processor.ChangedError{Topology: "fraud", Version: 1, Committed: 2}, "; use the scenario that made it", false},
		{&processor.OtherApplicationError{Topic: "t", App: "other"}, "--app-id other", false},
		{&processor.PendingTransactionError{Group: "g", Err: errors.New("unstable")}, "--instance", false},
		{&processor.RetentionError{Topic: "t", Config: "cleanup.policy=delete retention.ms=1"}, "--entity-name t --add-config cleanup.policy=compact", false},
		{producer.ErrEndless, ": add --for to --start", false},
		{&producer.TooLargeError{Topic: "t", Limit: 5, Need: 9}, "inv topics alter t --set max.message.bytes=9", false},
		{stage.ErrFenced, "an --instance of its own", false},
	} {
		got := hint(fmt.Errorf("doing this: %w", c.err), "app")
		if !errors.Is(got, c.err) || strings.Count(got.Error(), c.want) != 1 {
			t.Errorf("%v: the message is %q, want %q in it once", c.err, got, c.want)
		}
		if _, usage := got.(usageError); usage != c.usage {
			t.Errorf("%v: wrong usage %t, want %t", c.err, usage, c.usage)
		}
	}
	if plain := errors.New("plain"); hint(plain, "app") != plain || hint(nil, "app") != nil {
		t.Error("an error without a hint is changed")
	}
}

func TestTailHints(t *testing.T) {
	_, grep := inspect.NewHighlight(nil, []string{"("}, "", "")
	for _, c := range []struct {
		err   error
		want  string
		usage bool
	}{
		{fetch.ErrTooLarge, "; --max-batch reads larger ones", false},
		{inspect.ErrFailOn, " (--fail-on)", false},
		{&inspect.UnknownTopicError{Name: "ordrs", Known: []string{"orders"}}, `did you mean "orders"? (--wait waits`, true},
		{grep, "--highlight: error parsing regexp", true},
	} {
		got := tailHint(fmt.Errorf("doing this: %w", c.err))
		if _, usage := got.(usageError); strings.Count(got.Error(), c.want) != 1 || usage != c.usage {
			t.Errorf("%v: the message is %q, wrong usage %t; want %q in it once", c.err, got, usage, c.want)
		}
	}
	r := &inspect.Record{Topic: "or\x1bders", Partition: 3, Offset: 77}
	if got, want := restOf(r), `The rest: inv tail or\x1bders/3@77 -o raw`; got != want {
		t.Errorf("the command for the rest is %q, want %q", got, want)
	}
}
