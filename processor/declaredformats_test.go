package processor_test

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"inv/internal/kafkatest"
	"inv/internal/registry"
	"inv/internal/registry/registrytest"
	"inv/internal/registry/shape"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kgo"
)

// faultShapes are the values of faultScenario's topics.
var faultShapes = map[string]shape.Type{
	"events": objectOf("k", text, "n", whole, "t", millis, "hot", shape.Type{Kind: shape.Bool}),
	"rows":   objectOf("name", text),
	"steps":  objectOf("k", text, "n", whole, "sum", whole, "recent", whole, "row", shape.Type{Kind: shape.Text, Nullable: true}),
	"sorted": objectOf("k", text, "n", whole, "last", whole, "t", millis),
	"alarms": objectOf("k", text, "n", whole, "at", millis),
}

var (
	text   = shape.Type{Kind: shape.Text}
	whole  = shape.Type{Kind: shape.Int, Low: 0, High: 1 << 40}
	millis = shape.Type{Kind: shape.Time, Unit: time.Millisecond}
)

// objectOf returns an object of names and types.
func objectOf(fields ...any) shape.Type {
	of := shape.Type{Kind: shape.Object}
	for i := 0; i < len(fields); i += 2 {
		of.Fields = append(of.Fields, shape.Field{Name: fields[i].(string), Type: fields[i+1].(shape.Type)})
	}
	return of
}

// encodedEvents are events of which those that can't be encoded are JSON, or left out if
// they are none.
func (s *system) encodedEvents(n int, seed uint64) []*kgo.Record {
	s.t.Helper()
	records := slices.DeleteFunc(s.events(n, seed), func(r *kgo.Record) bool { return string(r.Value) == "no JSON" })
	for _, r := range records {
		if !strings.Contains(string(r.Value), `"n":"x"`) {
			s.encoded(r)
		}
	}
	return records
}

// A declared topology on topics in Avro whose process is killed goes on as if nothing had
// happened. The values that its outputs' schemas do not take are dead-lettered once.
func TestDeclaredKilledInAvro(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ stage, point string }{
		{"watching-route", stage.AtOffsets}, {"watching-state", stage.AtProduced}, {"sorting-state", stage.AtCommitted},
	} {
		t.Run(c.stage+" "+c.point, func(t *testing.T) {
			t.Parallel()
			s := newDeclared(t, kafkatest.Brokers(t), faultScenario)
			s.encode(encodings{URL: registrytest.New(t).URL, Form: registry.Avro})
			s.rows()
			s.write(s.encodedEvents(700, 1)...)
			stable := func(c *childConfig) { c.Instance, c.Stable = "same", true }
			killed := s.start(stable, func(cfg *childConfig) {
				cfg.Signal, cfg.Stage, cfg.Point, cfg.Nth = syscall.SIGKILL, c.stage, c.point, 1
			})
			if code := killed.wait(2 * time.Minute); code != -1 {
				t.Fatalf("exit code %d, want a signal:\n%s", code, killed.output())
			}
			s.write(s.encodedEvents(300, 2)...)
			s.start(stable, func(c *childConfig) { c.Drain = true }).done(3 * time.Minute)
			s.proveDeclared()
		})
	}
}
