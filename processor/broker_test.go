package processor_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"inv/internal/kafkatest"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kadm"
)

// The broker goes away in the middle of a transaction, cleanly or by SIGKILL, and
// comes back. The same process waits for it, goes on, and nothing is lost or
// doubled.
func TestBrokerGoesAndComesBack(t *testing.T) {
	t.Parallel() // it waits more than it works
	node := kafkatest.NewNode(t, nil)
	outages := []struct {
		name         string
		signal       syscall.Signal
		stage, point string
	}{
		{"restarted", syscall.SIGTERM, "ledger", stage.AtProduced},
		{"killed", syscall.SIGKILL, "ingest", stage.AtOffsets},
		{"killed", syscall.SIGKILL, "ledger", stage.AtOffsets},
		{"killed", syscall.SIGKILL, "procurement", stage.AtProduced},
		{"killed", syscall.SIGKILL, "ledger", stage.AtProduced},
		{"restarted", syscall.SIGTERM, "ingest", stage.AtProduced},
	}
	for round := range rounds(t, 16) / 8 {
		o := outages[round%len(outages)]
		t.Run(o.name+" "+o.stage+" "+o.point, func(t *testing.T) {
			s := newSystem(t, node.Brokers())
			defer s.logTransactions()
			products, _ := s.backlog(10_000)
			c := s.start(func(c *childConfig) {
				c.Instance, c.Stable = "same", true
				c.Signal, c.PID, c.Stage, c.Point, c.Nth = o.signal, node.PID(), o.stage, o.point, 2
			})
			node.Gone(time.Minute)
			node.Start()
			s.write(s.orderRecords(ordersOf(500, products, 14))...)
			s.untilCommitted("ingest", "orders", 10_500)
			select {
			case <-c.exited:
				t.Fatalf("the process did not outlive the broker:\n%s", c.output())
			default:
			}
			// Another member joins, and leaves when all is done: on a busy machine
			// the rebalances take their time.
			if summary, err := s.tryFor(3 * time.Minute); err != nil {
				t.Fatalf("%v: %+v", err, summary)
			}
			c.signal(syscall.SIGTERM)
			c.done(10 * time.Second)
			s.prove()
		})
	}
}

// logTransactions logs the state of each transaction, if the test has failed.
func (s *system) logTransactions() {
	if !s.t.Failed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	admin := kadm.NewClient(s.client)
	listed, err := admin.ListTransactions(ctx, nil, nil)
	if err != nil {
		s.t.Log(err)
		return
	}
	described, err := admin.DescribeTransactions(ctx, listed.TransactionalIDs()...)
	if err != nil {
		s.t.Log(err)
		return
	}
	for _, d := range described {
		s.t.Logf("%+v", d)
	}
}
