package dashboard

import (
	"strings"
	"testing"

	"inv/internal/kafka/acl"
	"inv/internal/kafka/fetch"

	"github.com/twmb/franz-go/pkg/kerr"
)

func TestRefusals(t *testing.T) {
	sources := map[string]Source{"alerts": Alerts, "letters": DeadLetters, "catalog": Catalog}
	refused := func(o acl.Operation, topic string) error {
		return acl.Check(kerr.TopicAuthorizationFailed, o, acl.Topic(topic))
	}
	a0, a1 := fetch.ID{Topic: "alerts"}, fetch.ID{Topic: "alerts", Partition: 1}
	var r refusals
	r.add("letters", nil, refused(acl.Describe, "letters"), unread, 0)
	r.add("alerts", &a0, refused(acl.Read, "alerts"), followed, 7)
	r.add("alerts", &a1, refused(acl.Read, "alerts"), followed, 9)
	list := func() string {
		var texts []string
		for _, d := range r.list(sources) {
			text := d.Section + ": " + d.String()
			if d.AsOf > 0 {
				text += " since " + string(rune('0'+d.AsOf))
			}
			texts = append(texts, text)
		}
		return strings.Join(texts, "; ")
	}
	const letters = "dead_letters: Read topic letters"
	steps := []struct {
		do   func()
		want string
	}{
		{func() {}, "alerts: Read topic alerts since 7; " + letters},
		{func() { r.heard(a0) }, "alerts: Read topic alerts since 7; " + letters},
		{func() { r.heard(a1) }, letters},
		{func() { r.heard(fetch.ID{Topic: "letters"}) }, letters}, // it has to be loaded first
		{func() { r.remove("letters") }, ""},
		{func() { r.add("alerts", &a0, refused(acl.Read, "alerts"), partial, 3); r.heard(a0) }, "alerts: Read topic alerts since 3"},
	}
	for i, step := range steps {
		if step.do(); list() != step.want {
			t.Errorf("after step %d: %s, want %s", i, list(), step.want)
		}
	}
	if e, ok := r.has("alerts"); !ok || e != partial {
		t.Errorf("a topic of which a part was read: %v, %v", e, ok)
	}
}

// A missing permission is logged once, and once when it is there again.
func TestComplain(t *testing.T) {
	var lines []string
	r := &reader{told: map[string]bool{}, log: func(line string) { lines = append(lines, line) }}
	missing := Denied{Operation: "Read", Resource: "topic", Name: "alerts", Section: "alerts"}
	for range 3 {
		r.complain([]Denied{missing})
	}
	r.complain(nil)
	r.complain(nil)
	if got := strings.Join(lines, "\n"); got != "not authorized to Read topic alerts\nauthorized again: Read topic alerts" {
		t.Errorf("logged\n%s", got)
	}
}
