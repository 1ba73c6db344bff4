package main

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A right to the transactional ids of one instance, by their names, is enough, as it was
// before there was a second producer.
func TestRightToOneInstancesIDs(t *testing.T) {
	t.Parallel()
	t.Run("embedded", func(t *testing.T) { testRightToOneInstancesIDs(t, guardedEmbedded(t)) })
	t.Run("kafka", func(t *testing.T) { testRightToOneInstancesIDs(t, guardedKafka(t)) })
}

func testRightToOneInstancesIDs(t *testing.T, g *guarded) {
	const command = "inv process --drain --lead-time 10ms"
	_, acls := documentedACLs(t)
	var permissions []permission
	for _, p := range acls[command] {
		if p.kind == kmsg.ACLResourceTypeTransactionalId {
			for _, stage := range []string{"ingest", "ledger", "procurement"} {
				permissions = append(permissions, permission{kind: p.kind, name: "inv-" + stage + "-one", operation: p.operation})
			}
			continue
		}
		permissions = append(permissions, p)
	}
	g.prepare(command, acls, 1)
	g.permit(permissions)
	if got := g.run(command + " --instance one"); got.code != 0 {
		t.Errorf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
}
