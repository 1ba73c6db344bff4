package processor_test

import (
	"sync/atomic"
	"testing"
	"time"

	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// added counts requests that add partitions to a transaction by name. On clusters
// with transaction.version 2 only mending sends one.
type added struct{ requests atomic.Int64 }

func (a *added) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	if key == int16(kmsg.AddPartitionsToTxn) && err == nil {
		a.requests.Add(1)
	}
}

// A session that finds something of a transaction without its end, as a stopped
// broker can leave it, ends its own last one again and goes on. Here it is another
// program's transaction that is open, which the session can't tell.
func TestLastTransactionIsEndedAgain(t *testing.T) {
	brokers := kafkatest.Brokers(t) // the embedded one can't tell how a transaction ended
	s := newSystem(t, brokers)
	products, _ := s.backlog(300)
	same := func(c *config) { c.Instance, c.StableInstance = "same", true }
	s.drain(same)
	other := kafkatest.Client(t, brokers, kgo.TransactionalID(s.prefix+"-other"))
	if err := other.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	open := &kgo.Record{Topic: s.topic("updates"), Key: []byte("x"), Value: []byte("{}")}
	if err := other.ProduceSync(t.Context(), open).FirstErr(); err != nil {
		t.Fatal(err)
	}
	s.write(s.orderRecords(ordersOf(300, products, 21))...)
	seen := &added{}
	summary := s.drain(same, func(c *config) {
		c.Hooks = func(string) []kgo.Hook { return []kgo.Hook{seen} }
	})
	if summary.Rebuilds != 0 || summary.Counts["update"] == 0 {
		t.Errorf("%+v", summary)
	}
	if seen.requests.Load() == 0 {
		t.Error("nothing was mended")
	}
	if err := other.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	s.prove()
}
