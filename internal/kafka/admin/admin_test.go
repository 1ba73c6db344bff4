package admin_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafka/admin"
	"inv/internal/kafkatest"
	"inv/internal/when"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func start(t *testing.T, opts ...kfake.Opt) (*kfake.Cluster, kafka.Config) {
	fake, err := kfake.NewCluster(append(opts, kfake.NumBrokers(1))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	return fake, kafka.Config{Brokers: fake.ListenAddrs()}
}

func connect(t *testing.T, c kafka.Config) *admin.Client {
	client, err := admin.Connect(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// A new cluster has no coordinators until its offsets topic exists. That is waited
// for, in each request that a coordinator answers.
func TestNewClusterHasNoCoordinatorYet(t *testing.T) {
	for _, c := range []struct {
		name    string
		request func(ctx context.Context, client *admin.Client, config kafka.Config) error
	}{
		{"describe groups", func(ctx context.Context, client *admin.Client, _ kafka.Config) error {
			_, err := client.DescribeGroups(ctx, "g")
			return err
		}},
		{"plan moves", func(ctx context.Context, client *admin.Client, _ kafka.Config) error {
			_, err := client.PlanMoves(ctx, "g", when.Position{}, nil)
			return err
		}},
		{"commit", func(ctx context.Context, client *admin.Client, _ kafka.Config) error {
			return client.Commit(ctx, "g", []admin.Move{{Topic: "t", To: 1}})
		}},
		{"delete groups", func(ctx context.Context, client *admin.Client, _ kafka.Config) error {
			_, err := client.DeleteGroups(ctx, "g")
			return err
		}},
		{"lag", func(ctx context.Context, _ *admin.Client, config kafka.Config) error {
			_, err := kafka.GroupLag(ctx, config, "g")
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			fake, config := start(t, kfake.SeedTopics(1, "t"))
			client := connect(t, config)
			if err := client.Commit(t.Context(), "g", []admin.Move{{Topic: "t", To: 0}}); err != nil {
				t.Fatal(err)
			}
			client = connect(t, config) // which knows no coordinator
			var refused atomic.Int32
			fake.ControlKey(int16(kmsg.FindCoordinator), func(req kmsg.Request) (kmsg.Response, error, bool) {
				if refused.Add(1) > 2 {
					return nil, nil, false
				}
				fake.KeepControl()
				find := req.(*kmsg.FindCoordinatorRequest)
				resp := find.ResponseKind().(*kmsg.FindCoordinatorResponse)
				resp.ErrorCode = kerr.CoordinatorNotAvailable.Code
				for _, key := range find.CoordinatorKeys {
					one := kmsg.NewFindCoordinatorResponseCoordinator()
					one.Key, one.ErrorCode = key, kerr.CoordinatorNotAvailable.Code
					resp.Coordinators = append(resp.Coordinators, one)
				}
				return resp, nil, true
			})
			if err := c.request(t.Context(), client, config); err != nil {
				t.Error(err)
			}
			if n := refused.Load(); n < 3 {
				t.Errorf("asked for the coordinator %d times, want 3 or more", n)
			}
		})
	}
}

// A topic that is deleted between the list of topics and the look at its offsets
// is left out of lists, and the others are there.
func TestTopicDeletedMeanwhile(t *testing.T) {
	for _, c := range []struct {
		name string
		list func(*admin.Client) ([]string, error)
	}{
		{"topics", func(client *admin.Client) (names []string, err error) {
			topics, err := client.Topics(t.Context())
			for _, topic := range topics {
				names = append(names, topic.Name)
			}
			return names, err
		}},
		{"partitions", func(client *admin.Client) (names []string, err error) {
			partitions, err := client.Partitions(t.Context(), "stays", "goes")
			for _, p := range partitions {
				names = append(names, p.Topic)
			}
			return names, err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			fake, config := start(t, kfake.SeedTopics(1, "stays", "goes"))
			other, err := kgo.NewClient(kgo.SeedBrokers(config.Brokers...))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(other.Close)
			client := connect(t, config)
			var once sync.Once
			fake.ControlKey(int16(kmsg.ListOffsets), func(kmsg.Request) (kmsg.Response, error, bool) {
				once.Do(func() {
					fake.SleepControl(func() {
						if _, err := kadm.NewClient(other).DeleteTopic(context.Background(), "goes"); err != nil {
							t.Error(err)
						}
					})
				})
				return nil, nil, false
			})
			names, err := c.list(client)
			if err != nil || len(names) != 1 || names[0] != "stays" {
				t.Errorf("listed %q, %v; want stays alone", names, err)
			}
		})
	}
}

// No position makes an offset that the partition doesn't have.
func TestPlanMovesStaysInThePartition(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		topic, group := kafkatest.Topic(t, brokers, "moves", 2), kafkatest.Name(t, "moves")
		produced := kafkatest.Client(t, brokers, kgo.RecordPartitioner(kgo.ManualPartitioner()))
		for i := range 10 { // into partition 0
			r := &kgo.Record{Topic: topic, Timestamp: time.UnixMilli(int64(1_700_000_000_000 + i)), Value: []byte("v")}
			if err := produced.ProduceSync(t.Context(), r).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		offsets := kadm.Offsets{}
		offsets.Add(kadm.Offset{Topic: topic, Partition: 0, At: 3})
		if _, err := kadm.NewClient(produced).DeleteRecords(t.Context(), offsets); err != nil {
			t.Fatal(err)
		}
		client := connect(t, kafka.Config{Brokers: brokers})
		if err := client.Commit(t.Context(), group, []admin.Move{{Topic: topic, To: 4}}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			to         when.Position
			asked, got [2]int64 // by partition
		}{
			{when.Position{Kind: when.Start}, [2]int64{3, 0}, [2]int64{3, 0}},
			{when.Position{Kind: when.End}, [2]int64{10, 0}, [2]int64{10, 0}},
			{when.Position{Kind: when.Offset, Offset: 5}, [2]int64{5, 5}, [2]int64{5, 0}},
			{when.Position{Kind: when.Offset, Offset: 1}, [2]int64{1, 1}, [2]int64{3, 0}},
			{when.Position{Kind: when.Offset, Offset: 99}, [2]int64{99, 99}, [2]int64{10, 0}},
			{when.Position{Kind: when.Back, Offset: 2}, [2]int64{8, -2}, [2]int64{8, 0}},
			{when.Position{Kind: when.Back, Offset: 99}, [2]int64{-89, -99}, [2]int64{3, 0}},
			{when.Position{Kind: when.Time, Time: time.UnixMilli(1_700_000_000_006)}, [2]int64{6, 0}, [2]int64{6, 0}},
			{when.Position{Kind: when.Time, Time: time.UnixMilli(0)}, [2]int64{3, 0}, [2]int64{3, 0}},
			{when.Position{Kind: when.Time, Time: time.UnixMilli(1_800_000_000_000)}, [2]int64{10, 0}, [2]int64{10, 0}},
		} {
			moves, err := client.PlanMoves(t.Context(), group, c.to, []string{topic})
			if err != nil || len(moves) != 2 {
				t.Fatalf("%+v: %+v, %v", c.to, moves, err)
			}
			for p, m := range moves {
				if m.Partition != int32(p) || m.From != []int64{4, -1}[p] || m.Asked != c.asked[p] || m.To != c.got[p] {
					t.Errorf("%+v: %+v, want %d, moved to %d", c.to, m, c.asked[p], c.got[p])
				}
			}
		}
	})
}
