package processor_test

import (
	"context"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"inv/internal/event"
	"inv/internal/kafkatest"
	"inv/internal/scenario"
	"inv/processor"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The code between the marks stands in docs/dev/architecture.md, "Add a topology".

// example begins

// markdownTopology proposes a lower price for a product whose last ten updates all
// showed more than four times its reorder threshold.
func markdownTopology() processor.Topology {
	return processor.Topology{
		Name:  "markdown",
		About: "a markdown for what is overstocked",
		Stages: []processor.Stage{{
			Name: "markdown", Reads: []string{"updates"}, State: "markdown-changelog",
			Writes: []processor.Output{{Topic: "markdowns", Kind: "markdown"}},
			New: func(env processor.Env) (stage.Logic, error) {
				return &markdown{env: env}, nil
			},
		}},
	}
}

const (
	overstocked = 4  // times the reorder threshold
	inARow      = 10 // updates
)

type markdown struct{ env processor.Env }

// Start rebuilds a partition's state from the changelog.
func (s *markdown) Start(ctx context.Context, source stage.Source, committed int64) (stage.Partition, int64, error) {
	p := &markdownPartition{env: s.env, partition: source.Partition, runs: map[string]int{}, touched: map[string]int{}}
	err := s.env.Restore(ctx, source, func(r *kgo.Record) (err error) {
		p.runs[string(r.Key)], err = strconv.Atoi(string(r.Value))
		return err
	})
	return p, committed, err
}

// markdownPartition is the products of one partition.
type markdownPartition struct {
	env       processor.Env
	partition int32
	runs      map[string]int // overstocked updates in a row, as of the last commit
	touched   map[string]int // the same, by the transaction in progress
}

// Process counts one update. One that can't be read is somebody else's to refuse.
func (p *markdownPartition) Process(_ context.Context, tx *stage.Tx, r *kgo.Record) error {
	var u event.Update
	if event.ParseUpdate(r.Value, &u) != nil {
		return nil
	}
	n, ok := p.touched[u.ProductID]
	if !ok {
		n = p.runs[u.ProductID]
	}
	n++
	if u.CurrentStock <= overstocked*u.ReorderThreshold {
		n = 0
	}
	if n == inARow {
		value := `{"product_id":` + strconv.Quote(u.ProductID) + `,"stock":` + strconv.FormatInt(u.CurrentStock, 10) + `}`
		tx.Produce(&kgo.Record{Topic: p.env.Topic("markdowns"), Key: []byte(u.ProductID), Value: []byte(value), Timestamp: r.Timestamp})
		n = 0
	}
	p.touched[u.ProductID] = n
	return nil
}

// Seal writes the changelog, in the partition that belongs to the source's.
func (p *markdownPartition) Seal(tx *stage.Tx) error {
	for id, n := range p.touched {
		if err := p.env.Log(tx, p.partition, []byte(id), strconv.AppendInt(nil, int64(n), 10)); err != nil {
			return err
		}
	}
	return nil
}

// Commit makes the transaction's counts the state.
func (p *markdownPartition) Commit() {
	for id, n := range p.touched {
		p.runs[id] = n
	}
	clear(p.touched)
}

// Rollback forgets them: the records come again.
func (p *markdownPartition) Rollback() { clear(p.touched) }

// Close has nothing to release.
func (p *markdownPartition) Close() {}

// example ends

func TestExampleTopologyIsDocumented(t *testing.T) {
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(source), "// example begins\n\n")
	code, _, _ := strings.Cut(rest, "\n// example ends")
	page, err := os.ReadFile("../docs/dev/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "```go\n"+code+"```\n") {
		t.Error("docs/dev/architecture.md does not have the example's code")
	}
	if !strings.Contains(string(page), "```yaml\n"+exampleTopics+"```\n") {
		t.Error("docs/dev/architecture.md does not have the example's topics")
	}
}

const exampleTopics = `  markdowns:
    topic: price_markdowns
    partitions: 6
  markdown-changelog:
    topic: "{app}-markdown-changelog"
    internal: true
    partitions: 6
    cleanup: compact
`

// The example runs beside the built-in topologies: its topics are created, it is
// drained, counted and continued like them.
func TestExampleTopologyRuns(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		sc, err := scenario.Parse("markdown.yaml", []byte("scenario: markdown\ntopics:\n"+exampleTopics))
		if err != nil {
			t.Fatal(err)
		}
		prefixTopics(sc, s.prefix)
		s.scenario.Topics = append(s.scenario.Topics, sc.Topics...)
		kafkatest.DeleteAfter(t, s.client, s.topic("markdowns"), s.topic("markdown-changelog"))
		s.create()
		product := catalogued{ID: "p", Name: "P", Price: 1, ReorderThreshold: 2, ReorderQuantity: 5, CriticalThreshold: 1, InitialStock: 1000}
		s.write(s.catalogRecords([]catalogued{product})...)
		run := func(orders int) processor.Summary {
			s.write(s.orderRecords(ordersOf(orders, []catalogued{product}, uint64(orders)))...)
			c := s.config()
			topologies, err := withMarkdowns(c)
			if err != nil {
				t.Fatal(err)
			}
			c.Config.Topologies = topologies
			summary, err := processor.Run(t.Context(), c.Config)
			if err != nil {
				t.Fatal(err)
			}
			return summary
		}
		var lines int
		for _, orders := range []int{3, 20} { // the second run goes on from the first one's state
			summary := run(orders)
			lines += int(summary.Counts["update"])
			if stage := summary.Stages["markdown"]; stage.Commits == 0 {
				t.Errorf("the stage has committed nothing: %+v", stage)
			}
		}
		changes := s.all(s.topic("markdowns"))
		if len(changes) != lines/inARow {
			t.Errorf("%d markdowns of %d updates, want one of each %d", len(changes), lines, inARow)
		}
		for _, r := range changes {
			if !json.Valid(r.Value) || string(r.Key) != "p" {
				t.Errorf("a markdown is %q: %s", r.Key, r.Value)
			}
		}
		s.prove()
	})
}

func withMarkdowns(c config) ([]processor.Topology, error) {
	topologies, err := c.selected()
	return append(topologies, markdownTopology()), err
}
