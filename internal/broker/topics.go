package broker

import (
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// maxCreated is how many partitions a request may create.
const maxCreated = 10_000

// createTopics creates the topics of a request that Apache Kafka would create, and
// refuses the others. It is an answer for each topic, which kfake's own doesn't allow.
func (g *gate) createTopics(request kmsg.Request) (kmsg.Response, error) {
	create, ok := request.(*kmsg.CreateTopicsRequest)
	if !ok {
		return nil, nil
	}
	times, partitions := map[string]int{}, 0
	for _, t := range create.Topics {
		times[t.Topic]++
		partitions += max(1, int(t.NumPartitions), len(t.ReplicaAssignment))
	}
	resp := create.ResponseKind().(*kmsg.CreateTopicsResponse)
	for _, t := range create.Topics {
		var refused refusal
		switch n := times[t.Topic]; {
		case n == 0:
			continue // answered already
		case n > 1:
			refused = refusal{kerr.InvalidRequest, "Duplicate topic name."}
			times[t.Topic] = 0
		case partitions > maxCreated:
			refused = refusal{kerr.PolicyViolation, "Excessively large number of partitions per request."}
		default:
			refused = g.createTopic(&t, create.ValidateOnly)
		}
		resp.Topics = append(resp.Topics, g.created(&t, refused))
	}
	return resp, nil
}

// createTopic creates a topic, or only checks it.
func (g *gate) createTopic(t *kmsg.CreateTopicsRequestTopic, checkOnly bool) refusal {
	for _, check := range []func(*kmsg.CreateTopicsRequestTopic) refusal{g.checkNew, checkConfigs, g.checkReplicas} {
		if refused := check(t); refused.err != nil {
			return refused
		}
	}
	if checkOnly {
		return refusal{}
	}
	partitions := t.NumPartitions
	if n := len(t.ReplicaAssignment); n > 0 {
		partitions = int32(n)
	}
	configs := map[string]string{}
	for _, c := range t.Configs {
		configs[c.Name] = strings.TrimSpace(*c.Value)
	}
	err := g.cluster.CreateTopic(t.Topic, partitions, configs)
	var code *kerr.Error
	if err != nil && !errors.As(err, &code) {
		return refusal{kerr.UnknownServerError, err.Error()}
	}
	return refusal{err: code}
}

// created returns the response for a topic.
func (g *gate) created(t *kmsg.CreateTopicsRequestTopic, refused refusal) kmsg.CreateTopicsResponseTopic {
	r := kmsg.NewCreateTopicsResponseTopic()
	r.Topic, r.NumPartitions, r.ReplicationFactor = t.Topic, -1, -1
	r.ErrorCode, r.ErrorMessage = refused.fields()
	if refused.err != nil {
		return r
	}
	r.NumPartitions, r.ReplicationFactor = max(1, t.NumPartitions, int32(len(t.ReplicaAssignment))), 1
	if topic := g.cluster.TopicInfo(t.Topic); topic != nil {
		r.TopicID, r.NumPartitions = topic.TopicID, int32(len(g.cluster.PartitionInfos(t.Topic)))
	}
	for _, c := range t.Configs {
		rc := kmsg.NewCreateTopicsResponseTopicConfig()
		rc.Name, rc.Value = c.Name, c.Value
		r.Configs = append(r.Configs, rc)
	}
	return r
}

// checkNew returns why a topic can't have its name.
func (g *gate) checkNew(t *kmsg.CreateTopicsRequestTopic) refusal {
	if message := checkName(t.Topic); message != "" {
		return refusal{kerr.InvalidTopicException, message}
	}
	if g.cluster.TopicInfo(t.Topic) != nil {
		return refusal{kerr.TopicAlreadyExists, fmt.Sprintf("Topic '%s' already exists.", t.Topic)}
	}
	if other := g.collision(t.Topic); other != "" {
		return refusal{kerr.InvalidTopicException, fmt.Sprintf("Topic '%s' collides with existing topic: %s", t.Topic, other)}
	}
	return refusal{}
}

// maxAlike bounds the names that are tried in search of one that collides.
const maxAlike = 12

// collision returns an existing topic whose name differs by . and _ only, as names in
// metrics do, or "". Of a name with more than maxAlike of those kfake finds it, too, and
// doesn't name it.
func (g *gate) collision(name string) string {
	var at []int
	for i := range len(name) {
		if name[i] == '.' || name[i] == '_' {
			at = append(at, i)
		}
	}
	if len(at) > maxAlike {
		return ""
	}
	alike := []byte(name)
	for bits := range 1 << len(at) {
		for n, i := range at {
			alike[i] = "._"[bits>>n&1]
		}
		if g.cluster.TopicInfo(string(alike)) != nil {
			return string(alike)
		}
	}
	return ""
}

// checkName returns what is wrong with a topic's name, "" for nothing
// (org.apache.kafka.common.internals.Topic).
func checkName(name string) string {
	switch {
	case name == "":
		return "Topic name is invalid: the empty string is not allowed"
	case name == "." || name == "..":
		return fmt.Sprintf("Topic name is invalid: '%s' is not allowed", name)
	case len(name) > 249:
		return fmt.Sprintf("Topic name is invalid: the length of '%s' is longer than the max allowed length 249", name)
	case strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-')
	}):
		return fmt.Sprintf("Topic name is invalid: '%s' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'", name)
	}
	return ""
}

// checkReplicas returns why a topic can't have its partitions (Kafka's
// ReplicationControlManager).
func (g *gate) checkReplicas(t *kmsg.CreateTopicsRequestTopic) refusal {
	if len(t.ReplicaAssignment) > 0 {
		return g.checkAssignment(t)
	}
	switch n := t.ReplicationFactor; {
	case n < -1 || n == 0:
		return refusal{kerr.InvalidReplicationFactor, "Replication factor must be larger than 0, or -1 to use the default value."}
	case t.NumPartitions < -1 || t.NumPartitions == 0:
		return refusal{kerr.InvalidPartitions, "Number of partitions was set to an invalid non-positive value."}
	case n > 1:
		return refusal{kerr.InvalidReplicationFactor, fmt.Sprintf("Unable to replicate the partition %d time(s): The target replication factor of %d cannot be reached because only 1 broker(s) are registered or some brokers have all their log directories cordoned.", n, n)}
	}
	return refusal{}
}

func (g *gate) checkAssignment(t *kmsg.CreateTopicsRequestTopic) refusal {
	switch {
	case t.ReplicationFactor != -1:
		return refusal{kerr.InvalidRequest, "A manual partition assignment was specified, but replication factor was not set to -1."}
	case t.NumPartitions != -1:
		return refusal{kerr.InvalidRequest, "A manual partition assignment was specified, but numPartitions was not set to -1."}
	}
	assigned := map[int32]bool{}
	for _, a := range t.ReplicaAssignment {
		switch {
		case assigned[a.Partition]:
			return refusal{kerr.InvalidReplicaAssignment, fmt.Sprintf("Found multiple manual partition assignments for partition %d", a.Partition)}
		case len(a.Replicas) == 0:
			return refusal{kerr.InvalidReplicaAssignment, "The manual partition assignment includes an empty replica list."}
		}
		assigned[a.Partition] = true
		for i, broker := range a.Replicas {
			if broker != g.cluster.CurrentNode() {
				return refusal{kerr.InvalidReplicaAssignment, fmt.Sprintf("The manual partition assignment includes broker %d, but no such broker is registered.", broker)}
			}
			if i > 0 {
				return refusal{kerr.InvalidReplicaAssignment, fmt.Sprintf("The manual partition assignment includes the broker %d more than once.", broker)}
			}
		}
	}
	for i := range int32(len(t.ReplicaAssignment)) {
		if !assigned[i] {
			return refusal{kerr.InvalidReplicaAssignment, "partitions should be a consecutive 0-based integer sequence"}
		}
	}
	return refusal{}
}

// checkPartitions returns why a topic that has partitions, none if it doesn't exist,
// can't be given as many as wanted.
func checkPartitions(topic string, has, wanted int) refusal {
	switch {
	case has == 0:
		return refusal{err: kerr.UnknownTopicOrPartition}
	case wanted == has:
		return refusal{kerr.InvalidPartitions, fmt.Sprintf("Topic already has %d partition(s).", has)}
	case wanted < has:
		return refusal{kerr.InvalidPartitions, fmt.Sprintf("The topic %s currently has %d partition(s); %d would not be an increase.", topic, has, wanted)}
	}
	return refusal{}
}
