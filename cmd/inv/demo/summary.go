package demo

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"inv/inspect/verify"
	"inv/internal/kafka"
	"inv/internal/kafka/fetch"
	"inv/internal/termsafe"
	"inv/internal/theme"
)

// Summary is the contents of the topics at the end of the demo, counted by reading
// them, and the audit's report.
type Summary struct {
	Tally
	Took   time.Duration // how long orders were produced
	Seed   uint64
	Audit  *verify.Report
	topics []topicCount
}

type topicCount struct {
	alias, topic string
	records      int64
}

func (d *demo) summarize(ctx context.Context) (*Summary, error) {
	client, err := kafka.Connect(ctx, d.Kafka)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	spans, err := kafka.Spans(ctx, client, d.feed.topics...)
	if err != nil {
		return nil, err
	}
	s := &Summary{Took: d.took, Seed: d.Seed}
	byTopic, decoded := map[string]int64{}, decoded(d.Schemas)
	err = fetch.NewCluster(client, true).Read(ctx, spans, fetch.ReadOptions{}, func(r *fetch.Record) bool {
		byTopic[r.Topic]++
		decoded(r)
		s.add(d.feed.alias[r.Topic], r)
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("summarizing the topics: %w", err)
	}
	for _, t := range d.feed.topics {
		if alias := d.feed.alias[t]; alias != "dlq" || byTopic[t] > 0 {
			s.topics = append(s.topics, topicCount{alias, t, byTopic[t]})
		}
	}
	if s.Audit, err = verify.Run(ctx, client, d.auditOptions()); err != nil {
		return s, fmt.Errorf("verifying: %w", err)
	}
	return s, nil
}

// Write renders the summary.
func (s *Summary) Write(t *theme.Theme) []byte {
	var b bytes.Buffer
	title := fmt.Sprintf("%d orders in %s, seed %d", s.Records["orders"], s.Took.Round(100*time.Millisecond), s.Seed)
	fmt.Fprintf(&b, "\n%s%s%s\n\n", t.Strong, title, t.Reset)
	s.writeProducts(&b, t)
	s.writeTopics(&b, t)
	s.writeAudit(&b, t)
	return []byte(t.Glyphs(b.String()))
}

func (s *Summary) writeProducts(b *bytes.Buffer, t *theme.Theme) {
	if len(s.Products) == 0 {
		return
	}
	products := byUrgency(s.Products)
	name := len("product")
	for _, p := range products {
		name = max(name, termsafe.Width([]byte(label(p))))
	}
	fmt.Fprintf(b, "  %s%-*s %*s%8s%8s%8s%9s%s\n", t.Dim, name, "product", barColumns+6, "stock", "ordered", "filled", "unmet", "received", t.Reset)
	for _, p := range products {
		text := label(p)
		fmt.Fprintf(b, "  %s%s %s%s %5d%s%8d%8d%8d%9d\n", text, strings.Repeat(" ", name-termsafe.Width([]byte(text))),
			stockColor(t, &p), bar(p.Stock, p.Peak), p.Stock, t.Reset, p.Ordered, p.Filled, p.Unmet, p.Received)
	}
	if more := len(s.Products) - len(products); more > 0 {
		fmt.Fprintf(b, "  %sand %d more products%s\n", t.Dim, more, t.Reset)
	}
	b.WriteByte('\n')
}

func label(p Product) string { return termsafe.String(p.ID + "  " + p.Name) }

func (s *Summary) writeTopics(b *bytes.Buffer, t *theme.Theme) {
	width := len("dead letters")
	for _, c := range s.topics {
		width = max(width, len(termsafe.String(c.topic)))
	}
	for _, c := range s.topics {
		note := ""
		if c.alias == "reorders" && c.records > 0 {
			note = fmt.Sprintf("  %s%d urgent%s, %s%d normal%s", when(s.Urgent > 0, t.Critical), s.Urgent, t.Reset,
				when(c.records > s.Urgent, t.Warning), c.records-s.Urgent, t.Reset)
		}
		fmt.Fprintf(b, "  %-*s %9d%s\n", width, termsafe.String(c.topic), c.records, note)
	}
	if s.Records["dlq"] == 0 {
		fmt.Fprintf(b, "  %-*s %9d\n", width, "dead letters", 0)
	}
	b.WriteByte('\n')
	for _, f := range s.Scores {
		fmt.Fprintf(b, "  %-*s %9d right of %d alerts and %d frauds: precision %s, recall %s\n", width, termsafe.String(f.Fraud),
			f.Right, f.Alerts, f.Labelled, percent(f.Right, f.Alerts), percent(f.Right, f.Labelled))
	}
	if len(s.Scores) > 0 {
		b.WriteByte('\n')
	}
}

func (s *Summary) writeAudit(b *bytes.Buffer, t *theme.Theme) {
	if s.Audit == nil {
		return
	}
	held := 0
	for _, c := range s.Audit.Checks {
		if c.Verdict == verify.Holds {
			held++
		}
	}
	switch s.Audit.Verdict {
	case verify.Holds:
		fmt.Fprintf(b, "  %s✓ verified%s  %d checks hold: nothing lost, nothing doubled\n", t.Good, t.Reset, held)
	case verify.Undecided:
		fmt.Fprintf(b, "  %s? undecided%s  %d checks hold\n", t.Warning, t.Reset, held)
	default:
		fmt.Fprintf(b, "  %s✗ violated%s\n", t.Critical, t.Reset)
	}
	for _, c := range s.Audit.Checks {
		if c.Verdict == verify.Violated || c.Verdict == verify.Undecided {
			fmt.Fprintf(b, "    %s: %s: %s", c.Verdict, c.ID, c.Title)
			if c.Why != "" {
				fmt.Fprintf(b, " (%s)", termsafe.String(c.Why))
			}
			b.WriteByte('\n')
		}
	}
	for _, f := range s.Audit.Findings {
		fmt.Fprintf(b, "    %s %s %s: expected %s, seen %s\n", f.Check, termsafe.String(f.Product), termsafe.String(f.Where),
			termsafe.String(f.Expected), termsafe.String(f.Seen))
	}
}

func when(some bool, color string) string {
	if some {
		return color
	}
	return ""
}
