package stage_test

import (
	"testing"

	"inv/internal/kafka"
	"inv/internal/kafka/fetch"
	"inv/internal/kafkatest"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Right after a topic has got more partitions, some brokers don't know of them yet,
// while a producer that asked another one writes to them.
func TestNewPartitionsThatABrokerDoesNotKnow(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(1, "in"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client := kafkatest.Client(t, cluster.ListenAddrs(), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	before, err := fetch.Metadata(t.Context(), client, []string{"in"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kadm.NewClient(client).UpdatePartitions(t.Context(), 3, "in"); err != nil {
		t.Fatal(err)
	}
	client.ForceMetadataRefresh()
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "in", Partition: 2, Value: []byte("v")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	cluster.ControlKey(int16(kmsg.Metadata), func(request kmsg.Request) (kmsg.Response, error, bool) {
		if cluster.CurrentNode() == 2 {
			return nil, nil, false // this broker knows
		}
		cluster.KeepControl()
		stale := *before
		stale.SetVersion(request.GetVersion())
		return &stale, nil, true
	})
	reader, err := stage.NewReader(kafka.Config{Brokers: cluster.ListenAddrs()})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for range 10 { // whichever broker it asks
		ends, err := reader.StableEnds(t.Context(), "in")
		if err != nil || len(ends) != 3 || ends[2] != 1 {
			t.Fatalf("the ends are %v, %v", ends, err)
		}
	}
}
