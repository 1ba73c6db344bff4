package demo_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"inv/cmd/inv/demo"
	"inv/inspect/verify"
	"inv/internal/kafka"
	"inv/internal/kafkatest"
	"inv/internal/scenario"
	"inv/internal/theme"
	"inv/scenarios"

	"github.com/twmb/franz-go/pkg/kgo"
)

func options(t *testing.T, brokers []string) demo.Options {
	t.Helper()
	source, err := scenarios.Files.ReadFile("inventory.yaml")
	if err != nil {
		t.Fatal(err)
	}
	sc, err := scenario.Parse("inventory.yaml", source)
	if err != nil {
		t.Fatal(err)
	}
	rate, err := scenario.ParseRate("50/s")
	if err != nil {
		t.Fatal(err)
	}
	return demo.Options{
		Kafka: kafka.Config{Brokers: brokers}, Scenario: sc, App: "inv", For: 1500 * time.Millisecond, Rate: &rate,
		Seed: 7, LeadTime: 300 * time.Millisecond, Location: time.UTC, Now: time.Now,
	}
}

func play(t *testing.T, ctx context.Context, o demo.Options) (*demo.Summary, string, error) {
	t.Helper()
	var out strings.Builder
	screen := demo.NewScreen(&out, io.Discard, &theme.Theme{}, func() int { return 0 }, false, o.Now, o.For)
	summary, err := demo.Run(ctx, o, screen)
	if summary == nil {
		t.Fatalf("no summary: %v", err)
	}
	return summary, out.String() + string(summary.Write(&theme.Theme{})), err
}

func TestSummaryMatchesTopics(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	o := options(t, brokers)
	summary, shown, err := play(t, t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if summary.Audit.Verdict != verify.Holds {
		t.Errorf("the audit says %s: %+v", summary.Audit.Verdict, summary.Audit.Findings)
	}
	for _, want := range []string{"Wireless Headphones", " orders ", " reorders ", " alerts ", " receipts ", "verified", "CRITICAL"} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is not shown", want)
		}
	}
	client := kafkatest.Client(t, brokers)
	for _, alias := range []string{"catalog", "orders", "updates", "reorders", "alerts", "receipts"} {
		if got, want := summary.Records[alias], committed(t, client, o, alias); got != want || want == 0 {
			t.Errorf("%s: the summary says %d records, the topic holds %d", alias, got, want)
		}
	}
	for _, p := range summary.Products {
		if p.Ordered != p.Filled+p.Unmet {
			t.Errorf("%+v: ordered is not filled and unmet", p)
		}
	}
}

// A day of all topologies: each of them writes something, and the frauds that the generator
// has labelled are counted.
func TestDayOfAllTopologies(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	o := options(t, brokers)
	o.All, o.Rate, o.For = true, nil, 3*time.Second
	summary, shown, err := play(t, t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if summary.Audit.Verdict != verify.Holds {
		t.Errorf("the audit says %s: %+v", summary.Audit.Verdict, summary.Audit.Findings)
	}
	client := kafkatest.Client(t, brokers)
	for _, alias := range []string{"rivals", "price-changes", "promotions", "fraud-alerts", "fraud-scores", "delays", "notices"} {
		if n := committed(t, client, o, alias); n == 0 || summary.Records[alias] == 0 {
			t.Errorf("%s has %d records, %d in the summary", alias, n, summary.Records[alias])
		}
	}
	if len(summary.Scores) != 3 || summary.Scores[2].Fraud != "velocity" || summary.Scores[2].Right == 0 {
		t.Errorf("scores %+v", summary.Scores)
	}
	for _, want := range []string{" promotions ", " fraud-alerts ", " price-changes ", "precision", "verified"} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is not shown", want)
		}
	}
}

// committed counts an alias's records with a plain consumer.
func committed(t *testing.T, client *kgo.Client, o demo.Options, alias string) (n int64) {
	t.Helper()
	spans, err := kafka.Spans(t.Context(), client, o.Scenario.TopicNames(alias, o.App)...)
	if err != nil {
		t.Fatal(err)
	}
	counts, err := kafka.CountRecords(t.Context(), o.Kafka, 1<<40, spans...)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range counts {
		n += c
	}
	return n
}

func TestInterruptedRunIsSummarized(t *testing.T) {
	o := options(t, kafkatest.Embedded(t))
	o.For = time.Hour
	stopped := errors.New("stopped")
	ctx, stop := context.WithCancelCause(t.Context())
	seen := &watcher{text: " alerts ", found: func() { stop(stopped) }}
	screen := demo.NewScreen(seen, io.Discard, &theme.Theme{}, func() int { return 0 }, false, o.Now, o.For)
	summary, err := demo.Run(ctx, o, screen)
	if !errors.Is(err, stopped) {
		t.Errorf("error %v; want the cause", err)
	}
	if summary == nil || summary.Records["orders"] == 0 || summary.Audit.Verdict != verify.Holds {
		t.Errorf("summary %+v; want one of what had happened, verified", summary)
	}
}

// watcher calls found once the text has been written.
type watcher struct {
	text  string
	found func()
}

func (w *watcher) Write(b []byte) (int, error) {
	if strings.Contains(string(b), w.text) {
		w.found()
	}
	return len(b), nil
}
