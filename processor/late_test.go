package processor_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"inv/internal/kafkatest"
	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// heartbeats tells of refused ones.
type heartbeats struct {
	refused chan struct{}
	once    sync.Once
	out     atomic.Bool
}

func (h *heartbeats) OnBrokerRead(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	if key == int16(kmsg.Heartbeat) && h.out.Load() && err == nil {
		h.once.Do(func() { close(h.refused) })
	}
}

// The group's loop fails while a transaction ends, which waits for that loop: the
// session is recreated. A restarted broker did this to a member of its group.
func TestGroupFailsWhileATransactionEnds(t *testing.T) {
	t.Parallel() // it waits for a timeout
	s := newSystem(t, kafkatest.Embedded(t))
	s.backlog(200)
	beats := &heartbeats{refused: make(chan struct{})}
	var once sync.Once
	summary := s.drain(func(c *config) {
		c.Hooks = func(stage string) []kgo.Hook {
			if stage == "ingest" {
				return []kgo.Hook{beats}
			}
			return nil
		}
		c.At = func(name, point string) {
			if name == "ingest" && point == stage.AtProduced {
				once.Do(func() {
					s.putOut("ingest")
					beats.out.Store(true)
					ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
					defer cancel()
					select {
					case <-beats.refused:
					case <-ctx.Done():
						t.Error("no heartbeat was refused")
					}
				})
			}
		}
	})
	if summary.Rebuilds == 0 && summary.Aborts == 0 {
		t.Error("nothing was aborted: the fault did not hit")
	}
	s.prove()
}
