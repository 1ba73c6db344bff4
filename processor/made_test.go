package processor_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Brokers need a while until they have the partitions of new topics. A start does not wait
// for those that it has made: it joins its groups while the broker does not know them.
func TestMadeTopicsAreNotWaitedFor(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	s := newSystem(t, cluster.ListenAddrs())
	if _, err := kafka.EnsureTopics(t.Context(), s.client, kafka.Specs(s.scenario, s.prefix, "catalog", "orders")...); err != nil {
		t.Fatal(err)
	}
	products := catalogOf(10)
	s.write(s.catalogRecords(products)...)
	s.write(s.orderRecords(ordersOf(20, products, 1))...)

	var joined atomic.Int64
	cluster.ControlKey(kmsg.JoinGroup.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		joined.Add(1)
		return nil, nil, false
	})
	cluster.ControlKey(kmsg.ListOffsets.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		list := req.(*kmsg.ListOffsetsRequest)
		if joined.Load() > 0 || !strings.HasPrefix(list.Topics[0].Topic, s.prefix+"-") {
			return nil, nil, false
		}
		return notYet(list), nil, true
	})
	c := s.config()
	c.Drain = false
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := c.run(ctx)
		ended <- err
	}()
	kafkatest.Eventually(t, time.Minute, "the processor joins its groups", func() (bool, error) { return joined.Load() > 0, nil })
	kafkatest.Eventually(t, time.Minute, "the orders are processed", func() (bool, error) { return len(s.all(s.topic("updates"))) >= 20, nil })
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

// notYet answers as a broker that does not have the partitions yet.
func notYet(req *kmsg.ListOffsetsRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.ListOffsetsResponse)
	for _, topic := range req.Topics {
		t := kmsg.NewListOffsetsResponseTopic()
		t.Topic = topic.Topic
		for _, partition := range topic.Partitions {
			p := kmsg.NewListOffsetsResponseTopicPartition()
			p.Partition, p.ErrorCode = partition.Partition, kerr.NotLeaderForPartition.Code
			t.Partitions = append(t.Partitions, p)
		}
		resp.Topics = append(resp.Topics, t)
	}
	return resp
}
