package main

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// What a user may not see is unknown, and not shown as something else.
func TestUnpermitted(t *testing.T) {
	t.Parallel()
	try := func(t *testing.T, g *guarded, controller string) {
		g.topics()
		g.permit([]permission{{kmsg.ACLResourceTypeTopic, "order_events", false, kmsg.ACLOperationDescribe}})
		i := g.run("inv topics describe orders -o json")
		i.wants(t, exitFailed, `"settings":null`, "reading topic configurations: TOPIC_AUTHORIZATION_FAILED")
		i = g.run("inv topics alter orders --set retention.ms=5")
		i.wants(t, exitFailed, "", "altering topic order_events: TOPIC_AUTHORIZATION_FAILED")
		g.run("inv brokers -o json").wants(t, exitDone, `"controller":`+controller, "")
	}
	t.Run("embedded", func(t *testing.T) { try(t, guardedEmbedded(t), "true") })
	t.Run("kafka", func(t *testing.T) { try(t, guardedKafka(t), "null") })
}
