package broker_test

import (
	"context"
	"testing"
	"time"

	"inv/internal/broker"
	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// joiner is a member of a group that speaks the protocol step by step.
type joiner struct {
	t      *testing.T
	client *kgo.Client
	id     string
}

func newJoiner(t *testing.T, addr string) *joiner {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &joiner{t: t, client: client}
}

const joinersGroup = "killed"

func (j *joiner) request() *kmsg.JoinGroupRequest {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Group, req.MemberID, req.ProtocolType = joinersGroup, j.id, "consumer"
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = 300_000, 300_000
	p := kmsg.NewJoinGroupRequestProtocol()
	meta := kmsg.NewConsumerMemberMetadata()
	p.Name, p.Metadata = "range", meta.AppendTo(nil)
	req.Protocols = append(req.Protocols, p)
	return req
}

// join waits for the response of the group.
func (j *joiner) join(ctx context.Context) (*kmsg.JoinGroupResponse, error) {
	for {
		resp, err := j.request().RequestWith(ctx, j.client)
		if err != nil {
			return nil, err
		}
		if err = kerr.ErrorForCode(resp.ErrorCode); err != kerr.MemberIDRequired {
			return resp, err
		}
		j.id = resp.MemberID
	}
}

// A member that is killed while it joins does not stay in its group, where it would be
// given partitions for ever: its session timeout never begins.
func TestMemberKilledWhileItJoinsIsRemoved(t *testing.T) {
	b := start(t, broker.Options{})
	members := func() (n int, state string) {
		groups, err := kadm.NewClient(kafkatest.Client(t, []string{b.Addr()})).DescribeGroups(t.Context(), joinersGroup)
		if err != nil {
			t.Fatal(err)
		}
		return len(groups[joinersGroup].Members), groups[joinersGroup].State
	}
	until := func(what string, done func() bool) {
		t.Helper()
		for !done() {
			select {
			case <-t.Context().Done():
				t.Fatal(what)
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	lives, killed := newJoiner(t, b.Addr()), newJoiner(t, b.Addr())
	first, err := lives.join(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Group, sync.MemberID, sync.Generation = joinersGroup, lives.id, first.Generation
	if _, err := sync.RequestWith(t.Context(), lives.client); err != nil {
		t.Fatal(err)
	}
	joining, kill := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = killed.join(joining)
	}()
	until("the second member does not join", func() bool { n, state := members(); return n == 2 && state == "PreparingRebalance" })
	kill()
	<-ended
	killed.client.Close()

	// The other one is given both, and then the group without the dead one.
	if _, err := lives.join(t.Context()); err != nil {
		t.Fatal(err)
	}
	until("the dead member stays", func() bool { n, _ := members(); return n == 1 })
	again, err := lives.join(t.Context())
	if err != nil || again.Generation <= first.Generation+1 || again.LeaderID != lives.id || len(again.Members) != 1 {
		t.Errorf("%+v, %v", again, err)
	}
}
