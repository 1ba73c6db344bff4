package stage

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// balancer is the cooperative-sticky balancer, which also notes the whole
// assignment that each sync of the group gives this member. That is the only
// place to see it: callbacks give differences.
type balancer struct {
	kgo.GroupBalancer

	mu    sync.Mutex
	owned map[Source]bool
}

func newBalancer() *balancer { return &balancer{GroupBalancer: kgo.CooperativeStickyBalancer()} }

// ParseSyncAssignment is called with this member's part of every sync.
func (b *balancer) ParseSyncAssignment(assignment []byte) (map[string][]int32, error) {
	parsed, err := b.GroupBalancer.ParseSyncAssignment(assignment)
	if err != nil {
		return nil, err
	}
	owned := map[Source]bool{}
	for topic, partitions := range parsed {
		for _, p := range partitions {
			owned[Source{topic, p}] = true
		}
	}
	b.mu.Lock()
	b.owned = owned
	b.mu.Unlock()
	return parsed, nil
}

// assigned returns the assignment of the last sync.
func (b *balancer) assigned() map[Source]bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.owned
}
