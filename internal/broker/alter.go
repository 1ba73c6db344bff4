package broker

import (
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// alteration is a change of one setting, as the incremental request has it.
type alteration = kmsg.IncrementalAlterConfigsRequestResourceConfig

// alterConfigs and incrementalAlterConfigs refuse to alter a topic that doesn't exist, or
// to values that it doesn't take.
func (g *gate) alterConfigs(request kmsg.Request) (kmsg.Response, error) {
	alter, ok := request.(*kmsg.AlterConfigsRequest)
	if !ok {
		return nil, nil
	}
	// As if each setting was set by itself.
	same := kmsg.NewPtrIncrementalAlterConfigsRequest()
	same.ValidateOnly = alter.ValidateOnly
	for _, of := range alter.Resources {
		r := kmsg.NewIncrementalAlterConfigsRequestResource()
		r.ResourceType, r.ResourceName = of.ResourceType, of.ResourceName
		for _, c := range of.Configs {
			r.Configs = append(r.Configs, alteration{Name: c.Name, Value: c.Value, Op: kmsg.IncrementalAlterConfigOpSet})
		}
		same.Resources = append(same.Resources, r)
	}
	parts := g.refuseAlter(same)
	if parts == nil {
		return nil, nil
	}
	resp := alter.ResponseKind().(*kmsg.AlterConfigsResponse)
	for i, of := range alter.Resources {
		r := kmsg.NewAlterConfigsResponseResource()
		r.ResourceType, r.ResourceName = of.ResourceType, of.ResourceName
		r.ErrorCode, r.ErrorMessage = parts[i].fields()
		resp.Resources = append(resp.Resources, r)
	}
	return resp, nil
}

func (g *gate) incrementalAlterConfigs(request kmsg.Request) (kmsg.Response, error) {
	alter, ok := request.(*kmsg.IncrementalAlterConfigsRequest)
	if !ok {
		return nil, nil
	}
	parts := g.refuseAlter(alter)
	if parts == nil {
		return nil, nil
	}
	resp := alter.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
	for i, of := range alter.Resources {
		r := kmsg.NewIncrementalAlterConfigsResponseResource()
		r.ResourceType, r.ResourceName = of.ResourceType, of.ResourceName
		r.ErrorCode, r.ErrorMessage = parts[i].fields()
		resp.Resources = append(resp.Resources, r)
	}
	return resp, nil
}

// refuseAlter returns a refusal of each resource; nil if all can be altered.
func (g *gate) refuseAlter(alter *kmsg.IncrementalAlterConfigsRequest) []refusal {
	parts := make([]refusal, len(alter.Resources))
	for i, r := range alter.Resources {
		parts[i] = g.checkAlter(r.ResourceType, r.ResourceName, r.Configs)
	}
	return withOthers(parts, notDone(alter.ValidateOnly))
}

// checkAlter returns why a resource can't be altered.
func (g *gate) checkAlter(kind kmsg.ConfigResourceType, name string, changes []alteration) refusal {
	switch kind {
	case kmsg.ConfigResourceTypeTopic:
		return g.checkAlterTopic(name, changes)
	case kmsg.ConfigResourceTypeBroker:
		return checkAlterBroker(changes)
	}
	return refusal{}
}

func (g *gate) checkAlterTopic(name string, changes []alteration) refusal {
	if name == "" {
		return refusal{kerr.InvalidRequest, "Default topic resources are not allowed."}
	}
	if message := checkName(name); message != "" {
		return refusal{kerr.InvalidTopicException, message}
	}
	if refused := checkChanges(changes); refused.err != nil {
		return refused
	}
	topic := g.cluster.TopicInfo(name)
	values, known := map[string]string{}, topicSettings()
	if topic != nil {
		for key, value := range topic.Configs {
			// Earlier versions took settings that this one doesn't know.
			if value != nil && known[key] != nil {
				values[key] = *value
			}
		}
	}
	for _, c := range changes {
		list := c.Name == "cleanup.policy" || strings.HasSuffix(c.Name, ".replication.throttled.replicas")
		switch c.Op {
		case kmsg.IncrementalAlterConfigOpDelete:
			delete(values, c.Name)
		case kmsg.IncrementalAlterConfigOpAppend, kmsg.IncrementalAlterConfigOpSubtract:
			if !list {
				op := map[kmsg.IncrementalAlterConfigOp]string{kmsg.IncrementalAlterConfigOpAppend: "APPEND", kmsg.IncrementalAlterConfigOpSubtract: "SUBTRACT"}[c.Op]
				return refusal{kerr.InvalidConfig, fmt.Sprintf("Can't %s to key %s because its type is not LIST.", op, c.Name)}
			}
			if c.Op == kmsg.IncrementalAlterConfigOpAppend {
				values[c.Name] = *c.Value
			}
		default:
			values[c.Name] = *c.Value
		}
	}
	if message := checkSettings(values); message != "" {
		return refusal{kerr.InvalidConfig, message}
	}
	if topic == nil {
		return refusal{kerr.UnknownTopicOrPartition, fmt.Sprintf("The topic '%s' does not exist.", name)}
	}
	return refusal{}
}

// checkChanges returns what is wrong with changes whatever is changed.
func checkChanges(changes []alteration) refusal {
	seen := map[string]bool{}
	for _, c := range changes {
		if seen[c.Name] {
			return refusal{kerr.InvalidRequest, "Error due to duplicate config keys"}
		}
		seen[c.Name] = true
	}
	var null []string
	for _, c := range changes {
		if c.Value == nil && c.Op != kmsg.IncrementalAlterConfigOpDelete {
			null = append(null, c.Name)
		}
	}
	if len(null) > 0 {
		return refusal{kerr.InvalidRequest, "Null value not supported for : " + strings.Join(null, ", ")}
	}
	return refusal{}
}

// checkAlterBroker refuses to alter what the broker is started with: the next start
// would undo it, and without the interval of the cleaner kfake would compact.
func checkAlterBroker(changes []alteration) refusal {
	var fixed []string
	for _, c := range changes {
		if _, ok := settings()[c.Name]; ok {
			fixed = append(fixed, c.Name)
		}
	}
	if len(fixed) == 0 {
		return refusal{}
	}
	slices.Sort(fixed)
	return refusal{kerr.InvalidRequest, fmt.Sprintf("Cannot update these configs dynamically: [%s]", strings.Join(fixed, ", "))}
}
