package main

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestGroups(t *testing.T) {
	kafkatest.OnEach(t, func(t *testing.T, brokers []string) {
		topic := kafkatest.Topic(t, brokers, "groups", 1)
		group := kafkatest.Name(t, "groups")
		env := []string{"INV_BROKERS=" + strings.Join(brokers, ",")}
		produceTo(t, brokers, topic, 5)
		member := kafkatest.Client(t, brokers, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit())
		readInGroup(t, member, 5)
		if err := member.CommitUncommittedOffsets(t.Context()); err != nil {
			t.Fatal(err)
		}

		invoke(t, env, "groups", "list").wants(t, exitDone, group, "")
		invoke(t, env, "groups", "describe", group).wants(t, exitDone, topic+"[0]", "")
		invoke(t, env, "groups", "describe", group+"x").wants(t, exitUsage, "", `did you mean "`+group+`"?`)
		invoke(t, env, "groups", "lag", group, "-o", "json").wants(t, exitDone, `"committed":5,"end":5,"lag":0,"open":0,"exact":true`, "")
		invoke(t, env, "groups", "reset", group, "--to", "start", "--yes").wants(t, exitFailed, "", "is in use by 1 member; stop it first")

		invoke(t, env, "groups", "delete", group, "--yes").wants(t, exitFailed, "", "is in use by 1 member; stop it first")

		member.Close()
		kafkatest.Eventually(t, 20*time.Second, "the group is empty", func() (bool, error) {
			i := invoke(t, env, "groups", "reset", group, "--to", "2", "--yes")
			return i.code == exitDone, nil
		})
		invoke(t, env, "groups", "lag", group).wants(t, exitDone, "LAG", "")
		invoke(t, env, "groups", "lag", group, "-o", "json").wants(t, exitDone, `"committed":2,"end":5,"lag":3`, "")
		invoke(t, env, "groups", "reset", group, "--to", "end").wants(t, exitUsage, "", topic+"/0: from 2 to 5")
		invoke(t, env, "groups", "reset", group, "--to", "end", "--yes").wants(t, exitDone, "", "")
		invoke(t, env, "groups", "lag", group, "-o", "json").wants(t, exitDone, `"lag":0`, "")
		invoke(t, env, "groups", "reset", group, "--to", "1h", "--topic", topic, "--yes").wants(t, exitDone, "", "from 5 to 0")
		invoke(t, env, "groups", "reset", group, "--to", "end", "--topic", topic+"*", "--dry-run").wants(t, exitDone, topic+"/0: from 0 to 5", "Dry run; this would move the offsets")
		invoke(t, env, "groups", "lag", group, "-o", "json").wants(t, exitDone, `"committed":0`, "")
		invoke(t, env, "groups", "delete", group).wants(t, exitUsage, "", "confirm with --yes")
		invoke(t, env, "groups", "delete", group, "--dry-run").wants(t, exitDone, group+"\n", "Dry run")
		invoke(t, env, "groups", "delete", "inv-ledger", "--yes").wants(t, exitUsage, "", "inv reset --app-id inv removes both")
		invoke(t, env, "groups", "reset", group, "--to", "soon").wants(t, exitUsage, "", "--to \"soon\"")
		invoke(t, env, "groups", "delete", group, "--yes").wants(t, exitDone, group+"\n", "")
		invoke(t, env, "groups", "delete", group, "--yes").wants(t, exitUsage, "", "there is no group")
	})
}

func produceTo(t *testing.T, brokers []string, topic string, n int) {
	t.Helper()
	var records []*kgo.Record
	for i := range n {
		records = append(records, &kgo.Record{Topic: topic, Value: []byte(strconv.Itoa(i))})
	}
	if err := kafkatest.Client(t, brokers).ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func readInGroup(t *testing.T, client *kgo.Client, n int) {
	t.Helper()
	for read := 0; read < n; {
		fetches := client.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		read += fetches.NumRecords()
	}
}

func TestLagWithoutGroups(t *testing.T) {
	env := []string{"INV_BROKERS=" + kafkatest.Embedded(t)[0]}
	invoke(t, env, "groups", "lag").wants(t, exitDone, "", "No group of inv has read anything yet")
}
