package forward

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestBalance has members by what they own, and who gets what.
func TestBalance(t *testing.T) {
	topics := map[string]int32{"t": 3, "u": 1}
	all := map[string][]int32{"t": {0, 1, 2}, "u": {0}}
	type member struct {
		id         string
		owns       map[string][]int32
		generation int32
	}
	tests := []struct {
		name    string
		members []member
		want    map[string]map[string][]int32
	}{
		{"first", []member{{id: "a"}}, map[string]map[string][]int32{"a": all}},
		{"new", []member{{id: "a"}, {id: "b", owns: all, generation: 1}}, map[string]map[string][]int32{"b": all}},
		{"left", []member{{id: "b"}, {id: "c"}}, map[string]map[string][]int32{"b": all}},
		{
			"grown",
			[]member{{id: "a"}, {id: "b", owns: map[string][]int32{"t": {0, 1}, "u": {0}}, generation: 1}},
			map[string]map[string][]int32{"b": all},
		},
		{
			"both claim all, one from an earlier generation",
			[]member{{id: "a", owns: all, generation: 1}, {id: "b", owns: all, generation: 2}},
			map[string]map[string][]int32{"b": all},
		},
		{
			"shared: the others let theirs go first",
			[]member{{id: "a", owns: map[string][]int32{"u": {0}}, generation: 2}, {id: "b", owns: map[string][]int32{"t": {0, 1, 2, 3}, "gone": {0}}, generation: 2}},
			map[string]map[string][]int32{"b": {"t": {0, 1, 2}}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var members []kmsg.JoinGroupResponseMember
			for _, m := range test.members {
				members = append(members, kmsg.JoinGroupResponseMember{
					MemberID:         m.id,
					ProtocolMetadata: allToOne{}.JoinGroupMetadata([]string{"t", "u"}, m.owns, m.generation),
				})
			}
			b, _, err := allToOne{}.MemberBalancer(members)
			if err != nil {
				t.Fatal(err)
			}
			plan, err := b.(kgo.GroupMemberBalancerOrError).BalanceOrError(topics)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range plan.IntoSyncAssignment() {
				got, err := allToOne{}.ParseSyncAssignment(a.MemberAssignment)
				if err != nil {
					t.Fatal(err)
				}
				if want := test.want[a.MemberID]; !maps.EqualFunc(got, want, slices.Equal[[]int32]) {
					t.Errorf("%s has %v, want %v", a.MemberID, got, want)
				}
			}
		})
	}
}

// memberOfAll is a member of a group with the balancer.
type memberOfAll struct {
	client *kgo.Client
	mu     sync.Mutex
	owns   int
	lost   int // partitions that were taken from it
}

func newMemberOfAll(t *testing.T, brokers []string, group string, topics ...string) *memberOfAll {
	m := &memberOfAll{}
	count := func(n int) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
			m.mu.Lock()
			defer m.mu.Unlock()
			for _, p := range partitions {
				m.owns += n * len(p)
				m.lost += max(0, -n) * len(p)
			}
		}
	}
	m.client = kafkatest.Client(t, brokers,
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(topics...), kgo.Balancers(allToOne{}), kgo.DisableAutoCommit(),
		kgo.HeartbeatInterval(100*time.Millisecond), kgo.MetadataMinAge(50*time.Millisecond),
		kgo.OnPartitionsAssigned(count(1)), kgo.OnPartitionsRevoked(count(-1)), kgo.OnPartitionsLost(count(-1)))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			m.client.PollFetches(ctx)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return m
}

func (m *memberOfAll) counts() (owns, lost int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.owns, m.lost
}

// TestAllToOne has two members: the second one waits, nothing is taken from the first one
// meanwhile, and when it leaves the second one gets all.
func TestAllToOne(t *testing.T) { kafkatest.OnEach(t, testAllToOne) }

func testAllToOne(t *testing.T, brokers []string) {
	one, other := kafkatest.Topic(t, brokers, "one", 3), kafkatest.Topic(t, brokers, "other", 1)
	group := kafkatest.Name(t, "group")
	first := newMemberOfAll(t, brokers, group, one, other)
	kafkatest.Eventually(t, 20*time.Second, "the first member has all", func() (bool, error) {
		owns, _ := first.counts()
		return owns == 4, nil
	})
	second := newMemberOfAll(t, brokers, group, one, other)
	kafkatest.Eventually(t, 20*time.Second, "the second member is in the group", func() (bool, error) {
		_, generation := second.client.GroupMetadata()
		_, present := first.client.GroupMetadata()
		return generation > 0 && generation == present, nil
	})
	if owns, lost := first.counts(); owns != 4 || lost != 0 {
		t.Errorf("the first member has %d partitions, and %d were taken from it", owns, lost)
	}
	if owns, _ := second.counts(); owns != 0 {
		t.Errorf("the second member has %d partitions", owns)
	}
	if err := first.client.LeaveGroupContext(context.Background()); err != nil {
		t.Fatal(err)
	}
	kafkatest.Eventually(t, 20*time.Second, "the second member has all", func() (bool, error) {
		owns, _ := second.counts()
		return owns == 4, nil
	})
}
