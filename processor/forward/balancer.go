package forward

import (
	"cmp"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// allToOne is the balancer of sinks with groups: one member has all partitions, and the
// others wait for it to leave. It is cooperative (KIP-429), so that the owner goes on while
// others come and go.
//
// The owner is the member that says it owns partitions, in the latest generation (KIP-792);
// of several, which other balancers may have left, the one with the most, and partitions
// that another one still has are given to it when all have let theirs go, in the
// rebalance after this. Without an owner it is the first member by id.
type allToOne struct{}

// allToOneProtocol is the balancer's name in the group protocol. Members with another
// balancer can't join such a group.
const allToOneProtocol = "inv-all"

func (allToOne) ProtocolName() string { return allToOneProtocol }

func (allToOne) IsCooperative() bool { return true }

func (allToOne) JoinGroupMetadata(interests []string, current map[string][]int32, generation int32) []byte {
	meta := kmsg.NewConsumerMemberMetadata()
	meta.Version = 3
	meta.Topics = interests
	meta.Generation = generation
	for topic, partitions := range current {
		owned := kmsg.NewConsumerMemberMetadataOwnedPartition()
		owned.Topic, owned.Partitions = topic, partitions
		meta.OwnedPartitions = append(meta.OwnedPartitions, owned)
	}
	slices.SortFunc(meta.OwnedPartitions, func(a, b kmsg.ConsumerMemberMetadataOwnedPartition) int {
		return cmp.Compare(a.Topic, b.Topic)
	})
	return meta.AppendTo(nil)
}

func (allToOne) ParseSyncAssignment(assignment []byte) (map[string][]int32, error) {
	return kgo.ParseConsumerSyncAssignment(assignment)
}

func (b allToOne) MemberBalancer(members []kmsg.JoinGroupResponseMember) (kgo.GroupMemberBalancer, map[string]struct{}, error) {
	balancer, err := kgo.NewConsumerBalancer(b, members)
	return balancer, balancer.MemberTopics(), err
}

// Balance gives all partitions to one member.
func (allToOne) Balance(b *kgo.ConsumerBalancer, topics map[string]int32) kgo.IntoSyncAssignment {
	type claim struct {
		member     *kmsg.JoinGroupResponseMember
		meta       *kmsg.ConsumerMemberMetadata
		partitions int
	}
	var claims []claim
	b.EachMember(func(m *kmsg.JoinGroupResponseMember, meta *kmsg.ConsumerMemberMetadata) {
		c := claim{member: m, meta: meta}
		for _, t := range meta.OwnedPartitions {
			c.partitions += len(t.Partitions)
		}
		claims = append(claims, c)
	})
	plan := b.NewPlan()
	if len(claims) == 0 {
		return plan
	}
	owner := slices.MinFunc(claims, func(x, y claim) int {
		if (x.partitions > 0) != (y.partitions > 0) {
			return cmp.Compare(y.partitions, x.partitions)
		}
		if x.partitions > 0 && x.meta.Generation != y.meta.Generation {
			return cmp.Compare(y.meta.Generation, x.meta.Generation)
		}
		return cmp.Or(cmp.Compare(y.partitions, x.partitions), cmp.Compare(x.member.MemberID, y.member.MemberID))
	})
	others := slices.ContainsFunc(claims, func(c claim) bool { return c.partitions > 0 && c.member != owner.member })
	if others {
		for _, t := range owner.meta.OwnedPartitions {
			for _, p := range t.Partitions {
				if p < topics[t.Topic] {
					plan.AddPartition(owner.member, t.Topic, p)
				}
			}
		}
		return plan
	}
	for _, topic := range owner.meta.Topics {
		for p := range topics[topic] {
			plan.AddPartition(owner.member, topic, p)
		}
	}
	return plan
}
