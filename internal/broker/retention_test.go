package broker

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Old records are deleted where a topic says so, and none of a compacted topic.
func TestRetention(t *testing.T) {
	b, err := Start(Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	admin := kadm.NewClient(client)
	create := func(name string, configs map[string]*string) {
		t.Helper()
		if _, err := admin.CreateTopic(t.Context(), 1, 1, configs, name); err != nil {
			t.Fatal(err)
		}
		for _, value := range []string{"old", "new"} {
			if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: name, Key: []byte("k"), Value: []byte(value)}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	starts := func(name string) int64 {
		t.Helper()
		return b.cluster.PartitionInfo(name, 0).LogStartOffset
	}
	var said string
	k := &keeper{b.cluster, client, func(message string) { said += message }}

	create("short", map[string]*string{"retention.bytes": new("100")})
	create("endless", nil)
	create("compacted", map[string]*string{"cleanup.policy": new("compact")})
	k.round(t.Context())
	if short, endless, compacted := starts("short"), starts("endless"), starts("compacted"); short == 0 || endless != 0 || compacted != 0 || said != "" {
		t.Errorf("they start at %d, %d and %d, said %q; want records gone of the first only", short, endless, compacted, said)
	}

	create("both", map[string]*string{"cleanup.policy": new("compact"), "retention.bytes": new("1")})
	create("waits", map[string]*string{"retention.bytes": new("1")})
	k.round(t.Context())
	if both, waits := starts("both"), starts("waits"); both != 0 || waits != 0 || !strings.Contains(said, "topic both is compacted and has retention.bytes=1") {
		t.Errorf("they start at %d and %d, said %q; want nothing deleted, and why", both, waits, said)
	}
}
