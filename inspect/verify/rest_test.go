package verify

import (
	"context"
	"errors"
	"strings"
	"testing"

	"inv/internal/kafka"
	"inv/internal/kafka/fetch"
	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// What keeps a system from being at rest is named.
func TestWhatIsNotRest(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		for name, c := range map[string]struct {
			disturb func(t *testing.T, client *kgo.Client, o *Options)
			want    string
		}{
			"records in a topic of the group's own": {func(t *testing.T, client *kgo.Client, o *Options) {
				topic := o.App + "-items-repartition"
				if _, err := kafka.EnsureTopics(t.Context(), client, kafka.TopicSpec{Name: topic, Partitions: 1}); err != nil {
					t.Fatal(err)
				}
				kafkatest.DeleteAfter(t, client, topic)
				if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("a line")}).FirstErr(); err != nil {
					t.Fatal(err)
				}
				offsets := kadm.Offsets{}
				offsets.Add(kadm.Offset{Topic: topic, At: 0, LeaderEpoch: -1})
				if err := kadm.NewClient(client).CommitAllOffsets(t.Context(), o.Groups[0].Name, offsets); err != nil {
					t.Fatal(err)
				}
			}, "-items-repartition partition 0"},
			"a group that there is not": {func(_ *testing.T, _ *kgo.Client, o *Options) {
				o.Groups = []Group{{Name: o.App + "-nobody", Topics: []string{o.Topics.Orders}}}
			}, "-nobody has read nothing"},
			"no group": {func(_ *testing.T, _ *kgo.Client, o *Options) { o.Groups = nil }, "no consumer group is known"},
		} {
			h := brokerHistory(t)
			h.product(chair)
			h.order("o1", line1("chair", 1))
			o := h.write(t, brokers)
			client := kafkatest.Client(t, brokers, kgo.RecordPartitioner(kgo.ManualPartitioner()))
			c.disturb(t, client, &o)
			r, err := Run(t.Context(), client, o)
			if err != nil {
				t.Fatal(err)
			}
			if r.AtRest || r.Verdict != Undecided || !strings.Contains(r.Checks[checkRest].Why, c.want) {
				t.Errorf("%s: at rest %v, %v, %q", name, r.AtRest, r.seen(), r.Checks[checkRest].Why)
			}
		}
	})
}

func TestRestIsLookedAtTwice(t *testing.T) {
	before := &restState{ends: map[fetch.ID]int64{{Topic: "orders"}: 5}}
	for name, c := range map[string]struct {
		first, second *restState
		want          string
	}{
		"nothing moved":    {before, &restState{ends: map[fetch.ID]int64{{Topic: "orders"}: 5}}, ""},
		"records came in":  {before, &restState{ends: map[fetch.ID]int64{{Topic: "orders"}: 7}}, "records came in during the snapshot"},
		"at rest no more":  {before, &restState{why: "a transaction is open"}, "a transaction is open"},
		"not at rest then": {&restState{why: "orders wait"}, before, "orders wait"},
	} {
		a := newAuditor(testOptions())
		a.judgeRest(c.first, c.second)
		if a.atRest != (c.want == "") || a.checks[checkRest].Why != c.want {
			t.Errorf("%s: at rest %v, %q", name, a.atRest, a.checks[checkRest].Why)
		}
	}
}

// An output whose transaction does not end may lack records.
func TestTransactionThatStaysOpen(t *testing.T) {
	a := newAuditor(testOptions())
	a.setRest("")
	a.judgeHistory(&snapshot{spans: map[string][]fetch.Span{"": nil}, open: []string{"reorders"}})
	a.finish()
	r := a.report()
	if r.Verdict != Undecided || r.Checks[checkReorders].Why != "a transaction on reorders did not end" {
		t.Errorf("%q, %+v", r.seen(), r.Checks[checkReorders])
	}
}

// The sums of a product are compared even if each step was found right.
func TestSumsAreCompared(t *testing.T) {
	for name, p := range map[string]product{
		"stock":    {updates: 1, opening: 5, received: 2, filled: 1, ordered: 1, receivedIn: 2, stock: 7},
		"ordered":  {updates: 1, opening: 5, filled: 1, ordered: 3, unmet: 1, stock: 4},
		"received": {updates: 1, opening: 5, received: 2, receivedIn: 3, stock: 7},
	} {
		a := newAuditor(testOptions())
		a.setRest("")
		a.products = []product{p}
		a.quantities()
		if n := a.checks[checkQuantities].Violations; n != 1 {
			t.Errorf("%s: %d findings, %+v", name, n, a.findings)
		}
	}
}

// A batch that can't be read ends the audit: without it nothing could be said.
func TestUnreadableBatchEndsTheAudit(t *testing.T) {
	a := newAuditor(testOptions())
	broken := errors.New("broken")
	p := &pipeline{reader: &reader{}, auditor: a, order: make(chan *job, 1)}
	j := &job{batches: make(chan batch), err: broken}
	close(j.batches)
	p.order <- j
	if err := p.judge(context.Background()); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}
