package inspect

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"inv/internal/broker"
	"inv/internal/kafka"
	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// following starts a run that follows until the test ends.
func following(t *testing.T, brokers []string, o Options) (out, notices *output) {
	t.Helper()
	out, notices = newOutput(), newOutput()
	client := kafkatest.Client(t, brokers, ClientOptions()...)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	o.Follow, o.Renderer = true, values{}
	o.Notice = func(text string) { fmt.Fprintln(notices, text) }
	go func() {
		defer close(ended)
		if _, err := Run(ctx, client, o, out); err != nil {
			t.Errorf("a following run failed: %v", err)
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return out, notices
}

func TestBrokerRestart(t *testing.T) {
	o := broker.Options{Listen: kafkatest.FreeAddress(t), DataDir: t.TempDir()}
	first, err := broker.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	brokers := []string{first.Addr()}
	client, err := kafka.Connect(t.Context(), kafka.Config{Brokers: brokers}, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := kafka.EnsureTopics(t.Context(), client, kafka.TopicSpec{Name: "t", Partitions: 2}); err != nil {
		t.Fatal(err)
	}
	produce(t, client, "t", 2, 0, 4)
	out, notices := following(t, brokers, Options{Topics: []string{"t"}, Last: 10})
	out.wait(t, "v3")
	first.Close()
	notices.wait(t, "lost the connection")
	second, err := broker.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	produce(t, client, "t", 2, 4, 2)
	out.wait(t, "v4")
	out.wait(t, "v5")
	notices.wait(t, "connected again")
	if n := len(lines(out.String())); n != 6 {
		t.Errorf("%d lines, want 6 without gap or repeat:\n%s", n, out.String())
	}
}

// Partitions whose leader moves while records arrive are read on from their position:
// no record is missing or repeated.
func TestLeadersMove(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(3, "t"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	brokers := cluster.ListenAddrs()[:1]
	p := producer(t, brokers)
	const turns, each = 6, 30
	out, notices := following(t, brokers, Options{Topics: []string{"t"}, Last: 10})
	for turn := range turns {
		produce(t, p, "t", 3, turn*each, each)
		out.wait(t, fmt.Sprintf("v%d\n", turn*each+each-1))
		for partition := range int32(3) {
			if err := cluster.MoveTopicPartition("t", partition, (partition+int32(turn))%3); err != nil {
				t.Fatal(err)
			}
		}
	}
	produce(t, p, "t", 3, turns*each, 3)
	for i := range 3 {
		out.wait(t, fmt.Sprintf("v%d\n", turns*each+i))
	}
	checkComplete(t, out.String(), turns*each+3, 3)
	notices.wait(t, "leaders have moved: t p")
}

// checkComplete checks that v0 to v(n-1) are shown, each once and in order within its
// partition.
func checkComplete(t *testing.T, text string, n, partitions int) {
	t.Helper()
	next := make([]int64, partitions)
	seen := 0
	for _, line := range lines(text) {
		var partition int
		var offset, value int64
		if _, err := fmt.Sscanf(line, "p%d@%d v%d", &partition, &offset, &value); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if offset != next[partition] || value != offset*int64(partitions)+int64(partition) {
			t.Fatalf("%q comes where p%d@%d is next", line, partition, next[partition])
		}
		next[partition]++
		seen++
	}
	if seen != n {
		t.Errorf("%d records are shown of %d", seen, n)
	}
}

// A recreated topic is read from its start, after a notice.
func TestTopicRecreated(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		p := producer(t, brokers)
		topic := kafkatest.Topic(t, brokers, "again", 1)
		produce(t, p, topic, 1, 0, 3)
		out, notices := following(t, brokers, Options{Topics: []string{topic}, Last: 10})
		out.wait(t, "v2")
		admin := kadm.NewClient(p)
		if _, err := admin.DeleteTopics(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
		notices.wait(t, "is gone")
		kafkatest.Eventually(t, 20*time.Second, "the topic is made again", func() (bool, error) {
			made, err := kafka.EnsureTopics(t.Context(), p, kafka.TopicSpec{Name: topic, Partitions: 1})
			return len(made) == 1, err
		})
		fresh := producer(t, brokers)
		produce(t, fresh, topic, 1, 100, 1)
		notices.wait(t, "was made again")
		out.wait(t, "p0@0 v100")
	})
}

// Records that are deleted ahead of a run are skipped, and a finite run that begins
// before the first one left reaches the end.
func TestDeletedRecords(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		p := producer(t, brokers)
		topic := kafkatest.Topic(t, brokers, "deleted", 1)
		produce(t, p, topic, 1, 0, 20)
		trim(t, p, topic, 15)
		got := runTo(t, brokers, Options{Topics: []string{topic}, Last: 10})
		if n := len(lines(got)); n != 5 || !strings.HasPrefix(got, "p0@15 ") {
			t.Errorf("after deletion the last 10 are\n%s", got)
		}
		trim(t, p, topic, 20)
		if got := runTo(t, brokers, Options{Topics: []string{topic}, Begin: &Begin{}, Last: -1}); got != "" {
			t.Errorf("all are deleted, but\n%s", got)
		}
	})
}

func trim(t *testing.T, client *kgo.Client, topic string, to int64) {
	t.Helper()
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, 0, to, -1)
	answer, err := kadm.NewClient(client).DeleteRecords(t.Context(), offsets)
	if err == nil {
		err = answer.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A new topic that matches a glob is read from its start, and so are new partitions.
func TestGlobFindsNewTopics(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	p := producer(t, brokers)
	out, notices := following(t, brokers, Options{Topics: []string{"shop.*"}, Last: 10})
	notices.wait(t, "waiting for shop.*")
	if _, err := kafka.EnsureTopics(t.Context(), p, kafka.TopicSpec{Name: "shop.a", Partitions: 1}, kafka.TopicSpec{Name: "other", Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	produce(t, p, "other", 1, 50, 1)
	produce(t, p, "shop.a", 1, 0, 1)
	out.wait(t, "v0")
	if strings.Contains(out.String(), "v50") {
		t.Error("a topic that does not match is shown")
	}
}

// With a filter, the search for the last N goes back as far as needed.
func TestLastWithFilter(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		topic := kafkatest.Topic(t, brokers, "filter", 3)
		produce(t, producer(t, brokers), topic, 3, 0, 3000)
		got := runTo(t, brokers, Options{Topics: []string{topic}, Last: 3, Match: Match{Grep: []string{`^v\d$`}}})
		if got != "p1@2 v7\np2@2 v8\np0@3 v9\n" {
			t.Errorf("the last 3 of v0 to v9 are\n%s", got)
		}
		if got := runTo(t, brokers, Options{Topics: []string{topic}, Last: 3, Match: Match{Filter: `. == "v0"`}}); got != "p0@0 v0\n" {
			t.Errorf("the only v0 is\n%s", got)
		}
	})
}

func TestBegins(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		topic := kafkatest.Topic(t, brokers, "begins", 1)
		p := producer(t, brokers)
		produce(t, p, topic, 1, 0, 10)
		offsets := kadm.Offsets{}
		offsets.AddOffset(topic, 0, 7, -1)
		group := kafkatest.Name(t, "group")
		if err := kadm.NewClient(p).CommitAllOffsets(t.Context(), group, offsets); err != nil {
			t.Fatal(err)
		}
		at := func(i int64) time.Time { return time.UnixMilli(1_700_000_000_000 + i) }
		for name, c := range map[string]struct {
			o    Options
			want string // the values
		}{
			"start":          {Options{Begin: &Begin{}, Last: -1}, "0123456789"},
			"offset":         {Options{Begin: &Begin{Place: AtOffset, Offset: 8}, Last: -1}, "89"},
			"back":           {Options{Begin: &Begin{Place: Back, Offset: 3}, Last: -1}, "789"},
			"too far back":   {Options{Begin: &Begin{Place: Back, Offset: 300}, Last: -1}, "0123456789"},
			"end":            {Options{Begin: &Begin{Place: AtEnd}, Last: -1}, ""},
			"since":          {Options{Begin: &Begin{Time: at(6)}, Last: -1}, "6789"},
			"since, last 2":  {Options{Begin: &Begin{Time: at(3)}, Last: 2}, "89"},
			"since, until":   {Options{Begin: &Begin{Time: at(3)}, Until: at(5), Last: -1}, "34"},
			"until, last 2":  {Options{Until: at(5), Last: 2}, "34"},
			"since too late": {Options{Begin: &Begin{Time: at(60)}, Last: -1}, ""},
			"group":          {Options{Begin: &Begin{Group: group}, Last: -1}, "789"},
			"other group":    {Options{Begin: &Begin{Group: group + "-none"}, Last: -1}, "0123456789"},
			"none":           {Options{Last: 0}, ""},
		} {
			c.o.Topics = []string{topic}
			got := ""
			for _, line := range lines(runTo(t, brokers, c.o)) {
				if _, v, ok := strings.Cut(line, " v"); ok {
					got += v
				}
			}
			if got != c.want {
				t.Errorf("%s: %s, want %s", name, got, c.want)
			}
		}
	})
}

// The group's position is reported for each partition, and once for those in which it
// has committed nothing.
func TestGroupPositions(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	topic := kafkatest.Topic(t, brokers, "stands", 3)
	p := producer(t, brokers)
	produce(t, p, topic, 3, 0, 9)
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, 1, 2, -1)
	if err := kadm.NewClient(p).CommitAllOffsets(t.Context(), "g", offsets); err != nil {
		t.Fatal(err)
	}
	for group, want := range map[string]string{
		"g": "group g is at " + topic + " p1@2, 1 offset before the end\n" +
			"group g has committed nothing in " + topic + " p0; " + topic + " p2; beginning at the start there\n",
		"none": "group none has committed nothing here; beginning at the start\n",
	} {
		notices := newOutput()
		runTo(t, brokers, Options{Topics: []string{topic}, Begin: &Begin{Group: group}, Last: -1, Notice: func(text string) { fmt.Fprintln(notices, text) }})
		if notices.String() != want {
			t.Errorf("the notices are %q, want %q", notices.String(), want)
		}
	}
}

// In partitions without the offset, reading begins at the nearest one.
func TestOffsetOutside(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	topic := kafkatest.Topic(t, brokers, "outside", 3)
	produce(t, producer(t, brokers), topic, 2, 0, 9) // p0: 0 to 4, p1: 0 to 3, p2: none
	notices := newOutput()
	o := Options{Topics: []string{topic}, Begin: &Begin{Place: AtOffset, Offset: 4}, Last: -1}
	o.Notice = func(text string) { fmt.Fprintln(notices, text) }
	if got := runTo(t, brokers, o); got != "p0@4 v8\n" {
		t.Errorf("from 4 on there is\n%s", got)
	}
	want := "no offset 4 here, so from the nearest: " + topic + " p2 is empty, its next offset is 0\n"
	if notices.String() != want {
		t.Errorf("the notices are %q, want %q", notices.String(), want)
	}
	o.Begin.Offset, o.Renderer = 9, values{}
	_, err := Run(t.Context(), kafkatest.Client(t, brokers, ClientOptions()...), o, newOutput())
	var usage *UsageError
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), topic+" p1 holds 0 to 3; "+topic+" p2 is empty") {
		t.Errorf("an offset that no partition has: %v", err)
	}
}

// All codecs are read.
func TestCodecs(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		for name, codec := range map[string]kgo.CompressionCodec{
			"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
		} {
			topic := kafkatest.Topic(t, brokers, "codec-"+name, 2)
			produce(t, producer(t, brokers, kgo.ProducerBatchCompression(codec)), topic, 2, 0, 500)
			if n := len(lines(runTo(t, brokers, Options{Topics: []string{topic}, Begin: &Begin{}, Last: -1}))); n != 500 {
				t.Errorf("%s: %d records, want 500", name, n)
			}
		}
	})
}

// With several brokers of Apache Kafka, a moved and a killed leader cause a notice, but
// lose no record.
func TestLeadersMoveAndDie(t *testing.T) {
	cluster := kafkatest.StartCluster(t, 3)
	brokers := cluster[0].Brokers()
	p := producer(t, brokers)
	admin := kadm.NewClient(p)
	const partitions = 2
	topic := kafkatest.Name(t, "replicated")
	// Not on broker 1, the controller.
	create := kmsg.NewPtrCreateTopicsRequest()
	one := kmsg.NewCreateTopicsRequestTopic()
	one.Topic, one.NumPartitions, one.ReplicationFactor = topic, -1, -1
	for i := range int32(partitions) {
		a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
		a.Partition, a.Replicas = i, []int32{2, 3}
		one.ReplicaAssignment = append(one.ReplicaAssignment, a)
	}
	create.Topics = append(create.Topics, one)
	kafkatest.Eventually(t, time.Minute, "all brokers are there", func() (bool, error) {
		answer, err := create.RequestWith(t.Context(), p)
		if err == nil {
			err = kerr.ErrorForCode(answer.Topics[0].ErrorCode)
		}
		return err == nil, err
	})
	produce(t, p, topic, partitions, 0, 100)
	out, notices := following(t, brokers, Options{Topics: []string{topic}, Last: 100})
	out.wait(t, "v99\n")

	var moves kadm.AlterPartitionAssignmentsReq
	moves.Assign(topic, 0, []int32{3, 2})
	if _, err := admin.AlterPartitionAssignments(t.Context(), moves); err != nil {
		t.Fatal(err)
	}
	kafkatest.Eventually(t, 20*time.Second, "the leader moves", func() (bool, error) {
		_, err := admin.ElectLeaders(t.Context(), kadm.ElectPreferredReplica, kadm.TopicsSet{topic: {0: {}}})
		if err != nil {
			return false, err
		}
		found, err := admin.ListTopics(t.Context(), topic)
		return err == nil && found[topic].Partitions[0].Leader == 3, err
	})
	produce(t, p, topic, partitions, 100, 100)
	out.wait(t, "v198\n")
	out.wait(t, "v199\n")
	notices.wait(t, "leaders have moved: "+topic+" p0 to broker 3")

	cluster[2].Kill()
	produce(t, p, topic, partitions, 200, 100)
	out.wait(t, "v298\n")
	out.wait(t, "v299\n")
	notices.wait(t, "lost the connection")
	notices.wait(t, topic+" p0 to broker 2")
	notices.wait(t, "connected again")
	checkComplete(t, out.String(), 300, partitions)
}
