package broker

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// gate refuses what Apache Kafka refuses and kfake takes, or refuses in other words.
// Its functions run one at a time: see [kfake.Cluster.ControlKey].
type gate struct {
	cluster *kfake.Cluster
}

// watch has the gate see the requests that it may refuse.
func (g *gate) watch() {
	control(g.cluster, kmsg.Produce, newDoor(g).produce)
	control(g.cluster, kmsg.CreateTopics, g.createTopics)
	control(g.cluster, kmsg.CreatePartitions, g.createPartitions)
	control(g.cluster, kmsg.DeleteRecords, g.deleteRecords)
	control(g.cluster, kmsg.AlterConfigs, g.alterConfigs)
	control(g.cluster, kmsg.IncrementalAlterConfigs, g.incrementalAlterConfigs)
}

// refusal is why a part of a request is refused. The zero value is that it isn't.
type refusal struct {
	err     *kerr.Error
	message string // "": none beside the code
}

// fields returns the error fields of a response. They are those of success if nothing
// is refused.
func (r refusal) fields() (code int16, message *string) {
	if r.err != nil {
		code = r.err.Code
	}
	if r.message != "" {
		message = &r.message
	}
	return code, message
}

// withOthers returns the answers to the parts of a request of which some are refused, or
// nil if none is. kfake handles a request as a whole, so the others get their answer here,
// too. Apache Kafka would do those.
func withOthers(parts []refusal, others refusal) []refusal {
	if !slices.ContainsFunc(parts, func(r refusal) bool { return r.err != nil }) {
		return nil
	}
	for i := range parts {
		if parts[i].err == nil {
			parts[i] = others
		}
	}
	return parts
}

// notDone is for the other parts of a request that changes topics: if it only has them
// checked, they are fine.
func notDone(checkOnly bool) refusal {
	if checkOnly {
		return refusal{}
	}
	return refusal{kerr.InvalidRequest, "Not done, because another part of the request was refused."}
}

// setting returns a topic's own setting.
func setting(topic *kfake.TopicInfo, name string) (value string, ok bool) {
	if v := topic.Configs[name]; v != nil {
		return *v, true
	}
	return "", false
}

// createPartitions refuses to give topics as many partitions as they have, or fewer.
func (g *gate) createPartitions(request kmsg.Request) (kmsg.Response, error) {
	create, ok := request.(*kmsg.CreatePartitionsRequest)
	if !ok {
		return nil, nil
	}
	parts := make([]refusal, len(create.Topics))
	for i, t := range create.Topics {
		parts[i] = checkPartitions(t.Topic, len(g.cluster.PartitionInfos(t.Topic)), int(t.Count))
	}
	if parts = withOthers(parts, notDone(create.ValidateOnly)); parts == nil {
		return nil, nil
	}
	resp := create.ResponseKind().(*kmsg.CreatePartitionsResponse)
	for i, t := range create.Topics {
		r := kmsg.NewCreatePartitionsResponseTopic()
		r.Topic = t.Topic
		r.ErrorCode, r.ErrorMessage = parts[i].fields()
		resp.Topics = append(resp.Topics, r)
	}
	return resp, nil
}

// deleteRecords refuses to delete records of topics that are only compacted.
func (g *gate) deleteRecords(request kmsg.Request) (kmsg.Response, error) {
	del, ok := request.(*kmsg.DeleteRecordsRequest)
	if !ok {
		return nil, nil
	}
	parts := make([]refusal, len(del.Topics))
	for i, t := range del.Topics {
		if topic := g.cluster.TopicInfo(t.Topic); topic != nil && compacted(topic) && !deleted(topic) {
			parts[i] = refusal{err: kerr.PolicyViolation}
		}
	}
	if parts = withOthers(parts, notDone(false)); parts == nil {
		return nil, nil
	}
	resp := del.ResponseKind().(*kmsg.DeleteRecordsResponse)
	for i, t := range del.Topics {
		r := kmsg.NewDeleteRecordsResponseTopic()
		r.Topic = t.Topic
		for _, p := range t.Partitions {
			rp := kmsg.NewDeleteRecordsResponseTopicPartition()
			rp.Partition, rp.LowWatermark = p.Partition, -1
			rp.ErrorCode, _ = parts[i].fields()
			r.Partitions = append(r.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, r)
	}
	return resp, nil
}
