package main

import (
	"slices"
	"strings"
	"testing"

	"inv/internal/scenario"
	"inv/processor"
	"inv/processor/builtin"
	"inv/processor/inventory"
	"inv/scenarios"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// The permissions of inv process in docs/operations.md follow from the topologies: a
// new topology has to be in the table.
func TestProcessACLsFollowFromTheTopologies(t *testing.T) {
	source, err := scenarios.Files.ReadFile("inventory.yaml")
	if err != nil {
		t.Fatal(err)
	}
	sc, err := scenario.Parse("inventory.yaml", source)
	if err != nil {
		t.Fatal(err)
	}
	const app = "inv"
	want := map[string]bool{}
	needs := func(topic string, operations ...kmsg.ACLOperation) {
		if strings.HasPrefix(topic, app+"-") {
			topic = app + "-*"
		}
		for _, o := range operations {
			want[topic+" "+o.String()] = true
		}
	}
	all, err := builtin.All(inventory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, topology := range all {
		for _, stage := range topology.Stages {
			for _, alias := range stage.Reads {
				for _, topic := range sc.TopicNames(alias, app) {
					needs(topic, kmsg.ACLOperationRead, kmsg.ACLOperationDescribeConfigs)
					if declared, _ := sc.Topic(alias); !declared.Internal {
						needs(processor.DeadLetterTopic(topic), kmsg.ACLOperationWrite, kmsg.ACLOperationDescribeConfigs)
					}
				}
			}
			for _, alias := range stage.Tables {
				for _, topic := range sc.TopicNames(alias, app) {
					needs(topic, kmsg.ACLOperationRead, kmsg.ACLOperationDescribeConfigs)
				}
			}
			for _, w := range stage.Writes {
				for _, topic := range sc.TopicNames(w.Topic, app) {
					needs(topic, kmsg.ACLOperationWrite, kmsg.ACLOperationDescribeConfigs)
					if w.Exclusive {
						needs(topic, kmsg.ACLOperationRead)
					}
				}
			}
			for _, alias := range []string{stage.Log, stage.State} {
				for _, topic := range sc.TopicNames(alias, app) {
					needs(topic, kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationDescribeConfigs)
				}
			}
		}
	}
	commands, acls := documentedACLs(t)
	i := slices.IndexFunc(commands, func(c string) bool { return strings.HasPrefix(c, "inv process") })
	if i < 0 {
		t.Fatal("inv process is not in the table")
	}
	got := map[string]bool{}
	for _, p := range acls[commands[i]] {
		if p.kind != kmsg.ACLResourceTypeTopic {
			continue
		}
		name := p.name
		if p.prefixed {
			name += "*"
		}
		got[name+" "+p.operation.String()] = true
	}
	for p := range want {
		if !got[p] {
			t.Errorf("docs/operations.md lacks %s", p)
		}
	}
	for p := range got {
		if !want[p] {
			t.Errorf("docs/operations.md has %s, which no topology needs", p)
		}
	}
}
