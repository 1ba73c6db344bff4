package main

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// What a user may not see is unknown: it is neither left out silently nor shown as
// missing, empty or something else.
func TestUnpermitted(t *testing.T) {
	t.Parallel()
	orders := func(o kmsg.ACLOperation) permission {
		return permission{kmsg.ACLResourceTypeTopic, "order_events", false, o}
	}
	group := func(name string, o kmsg.ACLOperation) permission {
		return permission{kmsg.ACLResourceTypeGroup, name, true, o}
	}
	cluster := permission{kind: kmsg.ACLResourceTypeCluster, operation: kmsg.ACLOperationDescribe}
	describe := orders(kmsg.ACLOperationDescribe)
	tests := []struct {
		line      string
		permitted []permission
		code      int
		out, err  string
	}{
		{"inv topics describe orders -o json", []permission{describe}, exitFailed, `"settings":null`, "not authorized to DescribeConfigs topic order_events"},
		{"inv topics describe orders updates -o json", []permission{describe, orders(kmsg.ACLOperationDescribeConfigs),
			{kmsg.ACLResourceTypeTopic, "inventory_updates", false, kmsg.ACLOperationDescribe}},
			exitFailed, `"settings":{"retention.ms":"-1"}`, "not authorized to DescribeConfigs topic inventory_updates"},
		{"inv topics alter orders --set retention.ms=5", []permission{describe}, exitFailed, "", "altering topic order_events: not authorized to AlterConfigs topic order_events"},
		{"inv topics alter orders --partitions 99", []permission{describe}, exitFailed, "", "not authorized to Alter topic order_events"},
		{"inv topics delete orders --yes", []permission{describe}, exitFailed, "", "not authorized to Delete topic order_events"},
		{"inv topics create other", []permission{describe}, exitFailed, "", "not authorized to Describe topic other, which may not exist either"},

		// Lists that are empty, or lack something.
		{"inv topics list", nil, exitFailed, "", "topics may be missing from this list: not authorized to Describe topics inv-ledger-changelog, "},
		{"inv topics list", []permission{describe}, exitFailed, "order_events", "stock_receipts.dlq, which may not exist either"},
		{"inv topics list orders", []permission{describe}, exitDone, "order_events", ""},
		{"inv topics list *_events", []permission{describe}, exitFailed, "", "not authorized to Describe topic reorder_events, which may not exist either"},
		{"inv topics describe another", []permission{describe}, exitFailed, "", "not authorized to Describe topic another, which may not exist either"},
		{"inv topics delete order* --yes", nil, exitFailed, "", "order_events, order_events.dlq, which may not exist either"},
		{"inv groups list", nil, exitFailed, "", "groups may be missing from this list: describing groups: not authorized to Describe group inv-"},
		{"inv groups list", []permission{group("inv-", kmsg.ACLOperationDescribe)}, exitFailed, "", "not authorized to Describe the cluster"},
		{"inv groups list", []permission{{kmsg.ACLResourceTypeGroup, "*", false, kmsg.ACLOperationDescribe}}, exitDone, "audit", "Only groups that this user may Describe are listed"},

		// Groups.
		{"inv groups describe audit", []permission{cluster}, exitFailed, "", "not authorized to Describe group audit"},
		{"inv groups lag audit", []permission{describe}, exitFailed, "", "not authorized to Describe group audit"},
		{"inv groups lag audit", []permission{group("audit", kmsg.ACLOperationDescribe)}, exitFailed, "", "not authorized to Describe topic"},
		{"inv groups lag audit", []permission{group("audit", kmsg.ACLOperationDescribe), orders(kmsg.ACLOperationRead)}, exitDone, "audit", "Other offsets of group audit may be hidden"},
		{"inv groups lag", []permission{describe}, exitFailed, "", "not authorized to Describe group inv-"},
		{"inv groups reset audit --yes", []permission{group("audit", kmsg.ACLOperationRead)}, exitFailed, "", "not authorized to Describe topic"},
		{"inv groups reset audit --yes", []permission{group("audit", kmsg.ACLOperationRead), describe}, exitFailed, "", "not authorized to Read topic order_events"},
		{"inv groups reset audit --yes", []permission{group("audit", kmsg.ACLOperationDescribe), orders(kmsg.ACLOperationRead)}, exitFailed, "", "not authorized to Read group audit"},
		{"inv groups delete audit --yes", []permission{group("audit", kmsg.ACLOperationDescribe)}, exitFailed, "", "not authorized to Delete group audit"},

		// Reading.
		{"inv tail *_alerts --until end", nil, exitFailed, "", "not authorized to Describe topic fraud_alerts"},
		{"inv tail *_events --until end", []permission{orders(kmsg.ACLOperationRead)}, exitDone, "", "left out: not authorized to Describe topic reorder_events"},
		{"inv tail orders --until end", []permission{describe}, exitFailed, "", "not authorized to Read topic order_events"},
		{"inv tail another --until end", []permission{describe}, exitFailed, "", "not authorized to Describe topic another"},
		{"inv dlq list orders", []permission{describe}, exitFailed, "", "not authorized to Describe topic order_events.dlq"},
		{"inv verify", []permission{group("inv-", kmsg.ACLOperationDescribe)}, exitFailed, "", "not authorized to Describe topic "},
		{"inv produce orders --count 1", []permission{describe}, exitFailed, "", "not authorized to Write topic order_events"},

		// Completion.
		{"inv __complete topics describe ", []permission{describe}, exitDone, "order_events", "topics may be missing"},
		{"inv __complete groups describe ", []permission{group("audit", kmsg.ACLOperationDescribe)}, exitDone, "audit", "only groups that this user may Describe"},
	}
	try := func(t *testing.T, g *guarded, controller string) {
		g.topics()
		g.commit("audit")
		g.work(1)
		for _, test := range tests {
			g.permit(test.permitted)
			got := g.run(test.line)
			if strings.Contains(test.line, "__complete") { // which has its help on stdout
				got.stderr = got.stdout
			}
			// What is right to say of what can be seen is only about that.
			wrong := test.code != exitDone && called.MatchString(got.stdout+got.stderr)
			if got.code != test.code || !strings.Contains(got.stdout, test.out) || !strings.Contains(got.stderr, test.err) || wrong {
				t.Errorf("%s with %v: exit code %d, want %d, %q and %q\n%s%s", test.line, test.permitted, got.code, test.code, test.out, test.err, got.stdout, got.stderr)
			}
		}
		g.permit([]permission{describe})
		g.run("inv brokers -o json").wants(t, exitDone, `"controller":`+controller, "")
		if g.permit([]permission{cluster}); controller == "null" { // the embedded broker doesn't list groups then
			g.run("inv groups list").wants(t, exitDone, "audit", "")
		}
	}
	t.Run("embedded", func(t *testing.T) { try(t, guardedEmbedded(t), "true") })
	t.Run("kafka", func(t *testing.T) { try(t, guardedKafka(t), "null") })
}
