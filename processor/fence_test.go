package processor_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"inv/internal/kafka/produce"
	"inv/internal/kafkatest"
	"inv/processor"
	"inv/processor/inventory"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A transaction of timers alone consumes nothing, and is refused nevertheless
// when its member has lost the partition: here the member is put out of the
// group after the receipts are made and before the transaction begins.
func TestTimersOfAMemberThatIsOutAreRefused(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		s := newSystem(t, brokers)
		s.create()
		s.write(s.record("reorders", "r1", `{"event_id":"r1","product_id":"prod-1","reorder_quantity":5,"timestamp":1}`))
		ctx, stop := context.WithCancel(t.Context())
		stats := &processor.Stats{}
		var sealed atomic.Int64
		ended := make(chan error, 1)
		go func() {
			cfg := s.config()
			cfg.Topologies, cfg.Drain, cfg.LeadTime, cfg.Stats = []string{inventory.Procurement}, false, 300*time.Millisecond, stats
			cfg.At = func(_, point string) {
				// The first transaction takes the reorder, the second is the timer's.
				if point == stage.AtSealed && sealed.Add(1) == 2 {
					s.putOut("procurement")
				}
			}
			_, err := cfg.run(ctx)
			ended <- err
		}()
		kafkatest.Eventually(t, 30*time.Second, "the receipt is written", func() (bool, error) {
			return stats.Summary().Counts["receipt"] > 0, nil
		})
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		// Not prove: the reorder is the test's own, so no update calls for it.
		if n := len(s.all(s.topic("receipts"))); n != 1 {
			t.Errorf("%d receipts, want 1", n)
		}
		if stats.Summary().Aborts == 0 {
			t.Error("the commit of the member that was out was not refused")
		}
	})
}

// putOut removes every member of a stage's group.
func (s *system) putOut(stage string) {
	group := s.prefix + "-" + stage
	described, err := kadm.NewClient(s.client).DescribeGroups(s.t.Context(), group)
	if err != nil {
		s.t.Error(err)
		return
	}
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = group
	for _, m := range described[group].Members {
		member := kmsg.NewLeaveGroupRequestMember()
		member.MemberID = m.MemberID
		req.Members = append(req.Members, member)
	}
	if resp, err := req.RequestWith(s.t.Context(), s.client); err != nil || len(resp.Members) != 1 {
		s.t.Errorf("putting the members out: %v, %+v", err, resp)
	}
}

// Somebody takes a process's transactional ids in the middle of a transaction, and
// has not joined the group yet: the process ends, and doesn't take them back.
func TestTakenInstanceEnds(t *testing.T) {
	for _, point := range []string{stage.AtSealed, stage.AtProduced, stage.AtOffsets} {
		t.Run(point, func(t *testing.T) {
			s := newSystem(t, kafkatest.Brokers(t))
			s.backlog(300)
			var once sync.Once
			_, err := s.try(func(c *config) {
				c.Instance, c.StableInstance = "same", true
				c.At = func(stage, at string) {
					if stage == "ledger" && at == point {
						once.Do(func() {
							for _, id := range []string{"-ledger-same", "-ledger-same/2nd"} {
								kafkatest.Eventually(t, time.Minute, "the id is taken", func() (bool, error) {
									_, err := produce.Identify(t.Context(), s.client, s.prefix+id, 10*time.Second)
									return err == nil, err // at first it only ends the transaction
								})
							}
						})
					}
				}
			})
			if !errors.Is(err, stage.ErrFenced) {
				t.Errorf("error %v, want that the instance was taken over", err)
			}
			s.drain()
			s.prove()
		})
	}
}

// A process whose records are refused for good leaves no open transaction behind:
// the next one is not held back until the broker finds it.
func TestFailureLeavesNothingOpen(t *testing.T) {
	s := newSystem(t, kafkatest.Brokers(t))
	products, _ := s.backlog(100)
	s.drain()
	admin := kadm.NewClient(s.client)
	small := "100"
	if _, err := admin.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "max.message.bytes", Value: &small}}, s.topic("updates")); err != nil {
		t.Fatal(err)
	}
	s.write(s.orderRecords(ordersOf(100, products, 41))...)
	if _, err := s.try(); err == nil || !strings.Contains(err.Error(), s.topic("updates")) {
		t.Errorf("error %v, want one that names %s", err, s.topic("updates"))
	}
	kafkatest.Eventually(t, 8*time.Second, "the ledger's offsets are stable", func() (bool, error) {
		offsets, err := admin.FetchOffsets(kadm.RequireStable(t.Context()), s.prefix+"-ledger")
		if err == nil {
			err = offsets.Error()
		}
		return err == nil, err
	})
}
