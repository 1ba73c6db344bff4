package dashboard

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"inv/inspect"
	"inv/internal/scenario"
	"inv/internal/theme"
)

// outputs are those of two topologies, of which the first writes two topics.
func outputs(t *testing.T) []Output {
	t.Helper()
	view, err := inspect.CompileView("f.yaml", "fraud-alerts", &scenario.View{
		Time: "timestamp", Critical: scenario.Condition{Source: `.decision == "hold"`}, Warning: scenario.Condition{Source: `.decision == "review"`},
		Columns: []scenario.Column{{Show: "{customer_id}"}, {Show: "{decision}"}, {Show: "score {score}"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return []Output{
		{Topology: "fraud", About: "Orders to review or to hold", Topic: "fraud_alerts", Label: "fraud-alerts", View: view},
		{Topology: "fraud", Topic: "fraud_holds", Label: "fraud-holds"},
		{Topology: "fraud", Topic: "fraud_alerts"}, // emitted twice
		{Topology: "pricing", About: "Prices", Topic: "price_changes", Label: "price-changes"},
	}
}

// alertOf is a record of fraud_alerts.
func (s *story) alertOf(customer, decision string, at int64) *Record {
	return s.record(Outputs, "fraud_alerts", customer, fmt.Sprintf(`{"customer_id":"%s","decision":%q,"score":50,"timestamp":%d}`, customer, decision, at))
}

func withOutputs(t *testing.T) *story {
	s := newStory(t)
	s.panels = newPanels(outputs(t))
	return s
}

func panelsOf(s *story, since uint64) []Panel { return s.Frame(View{}, since, nil, now).Topologies }

// A topology's panel has its records a minute and the last ones as the view shows them.
func TestPanels(t *testing.T) {
	s := withOutputs(t)
	if got := panelsOf(s, 0); len(got) != 0 {
		t.Errorf("panels %+v of topologies that never ran", got)
	}
	for i := range int64(20) {
		s.Apply(s.alertOf(fmt.Sprint("c", i), []string{"hold", "review"}[i%2], now-i*minuteLength/2), now)
	}
	s.Apply(s.record(Outputs, "fraud_holds", "k", `not "json"`), now)
	s.Publish()
	got := panelsOf(s, 0)
	if len(got) != 1 || got[0].Topology != "fraud" || got[0].About != "Orders to review or to hold" || got[0].Total != 21 ||
		!slices.Equal(got[0].Topics, []string{"fraud_alerts", "fraud_holds"}) {
		t.Fatalf("panels %+v", got)
	}
	var n int64
	for _, m := range got[0].Minutes {
		if m.Time%minuteLength != 0 || m.Time > now || m.Time < now-11*minuteLength {
			t.Errorf("minute %+v", m)
		}
		n += m.Records
	}
	if n != 21 {
		t.Errorf("%d records in %+v", n, got[0].Minutes)
	}
	last := got[0].Last
	if len(last) != panelLines || !slices.IsSortedFunc(last, func(a, b PanelLine) int { return int(b.Time - a.Time) }) {
		t.Errorf("%d lines, want %d, the newest first: %+v", len(last), panelLines, last)
	}
	if plain := (PanelLine{Time: now, Topic: "fraud-holds", Columns: []string{"k", `not "json"`}}); fmt.Sprint(last[0]) != fmt.Sprint(plain) {
		t.Errorf("the newest line is %+v, want %+v", last[0], plain)
	}
	if alert := (PanelLine{Time: now, Topic: "fraud-alerts", Severity: "critical", Columns: []string{"c0", "hold", "score 50"}}); fmt.Sprint(last[1]) != fmt.Sprint(alert) {
		t.Errorf("the line of a view is %+v, want %+v", last[1], alert)
	}

	seq := s.seq
	if got := panelsOf(s, seq); len(got) != 0 {
		t.Errorf("nothing has changed, but %+v", got)
	}
	s.Apply(s.alertOf("late", "hold", now-2*hour), now)
	s.outputsExist("price_changes")
	s.Publish()
	got = panelsOf(s, seq)
	if len(got) != 2 || len(got[0].Minutes) != 0 || got[0].Total != 22 || got[1].Topology != "pricing" || len(got[1].Last) != 0 {
		t.Errorf("a record from before the hour, and a topic that has appeared: %+v", got)
	}
	s.Apply(s.record(Outputs, "fraud_alerts", "k", strings.Repeat("x", 5000)), now)
	s.Publish()
	if text := panelsOf(s, 0)[0].Last[0].Columns[1]; len(text) > maxText+len(ellipsis) {
		t.Errorf("a column of %d bytes", len(text))
	}
}

// Records of the past have an hour of their own: that up to the newest.
func TestPanelOfThePast(t *testing.T) {
	s := withOutputs(t)
	for i := range int64(90) {
		s.Apply(s.alertOf("c", "hold", now-30*24*hour+i*minuteLength), now)
	}
	s.Publish()
	minutes := panelsOf(s, 0)[0].Minutes
	if len(minutes) != 60 || minutes[59].Time < now-30*24*hour+88*minuteLength {
		t.Errorf("%d minutes to %d", len(minutes), minutes[len(minutes)-1].Time)
	}
}

func TestPanelScreen(t *testing.T) {
	s := withOutputs(t)
	s.SetStatus(Status{AsOf: now, Loading: LoadingDone})
	screen := screenOf(s, 100, 24, &theme.Theme{})
	screen.Topologies = true
	golden(t, "screen-topologies-none", screen.Draw())
	for i := range int64(20) {
		s.Apply(s.alertOf(fmt.Sprint("c", i, `\u001b[31m`), []string{"hold", "review", ""}[i%3], now-i*minuteLength/2), now)
	}
	s.outputsExist("price_changes")
	s.Publish()
	screen.Take(s.Model.Frame(screen.View, 0, nil, now))
	got := screen.Draw()
	fits(t, got, 100, 24)
	golden(t, "screen-topologies", got)
	screen.Topologies = false
	if got := screen.Draw(); !strings.Contains(got, "t topologies") {
		t.Errorf("the key is not shown:\n%s", got)
	}
}
