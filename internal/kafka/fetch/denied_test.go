package fetch_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"inv/internal/kafka/acl"
	"inv/internal/kafka/fetch"
	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"
)

// permit lets the user read a topic, or no longer does.
func permit(t *testing.T, admin *kgo.Client, topic string, allowed bool) {
	t.Helper()
	create := kmsg.NewCreateACLsRequestCreation()
	create.ResourceType, create.ResourceName, create.ResourcePatternType = kmsg.ACLResourceTypeTopic, topic, kmsg.ACLResourcePatternTypeLiteral
	create.Principal, create.Host, create.Operation, create.PermissionType = "User:app", "*", kmsg.ACLOperationRead, kmsg.ACLPermissionTypeAllow
	var err error
	if allowed {
		req := kmsg.NewPtrCreateACLsRequest()
		req.Creations = append(req.Creations, create)
		_, err = req.RequestWith(t.Context(), admin)
	} else {
		filter := kmsg.NewDeleteACLsRequestFilter()
		filter.ResourceType, filter.ResourceName, filter.ResourcePatternType = create.ResourceType, &topic, create.ResourcePatternType
		filter.Operation, filter.PermissionType = kmsg.ACLOperationAny, kmsg.ACLPermissionTypeAny
		req := kmsg.NewPtrDeleteACLsRequest()
		req.Filters = append(req.Filters, filter)
		_, err = req.RequestWith(t.Context(), admin)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Without SkipDenied, a topic that can't be read ends a stream. With it, the others are
// read, and the topic continues where it stopped once it is permitted again.
func TestSkipDenied(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.EnableACLs(),
		kfake.Superuser("PLAIN", "admin", "admin"), kfake.User("PLAIN", "app", "app"), kfake.SeedTopics(1, "a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	as := func(user string) *kgo.Client {
		return kafkatest.Client(t, cluster.ListenAddrs(), kgo.SASL(plain.Auth{User: user, Pass: user}.AsMechanism()))
	}
	admin := as("admin")
	write := func(topic string) {
		t.Helper()
		if err := admin.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("v")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	write("a")
	write("b")
	permit(t, admin, "a", true)
	user := fetch.NewCluster(as("app"), true)
	spans := func(to int64) []fetch.Span {
		return []fetch.Span{{ID: fetch.ID{Topic: "a"}, To: to}, {ID: fetch.ID{Topic: "b"}, To: to}}
	}

	var denied *acl.DeniedError
	err = user.Read(t.Context(), spans(1), fetch.ReadOptions{}, func(*fetch.Record) bool { return true })
	if err == nil {
		t.Error("a topic that can't be read was read")
	}
	var read, skipped []string
	options := fetch.ReadOptions{StreamOptions: fetch.StreamOptions{SkipDenied: true}, Denied: func(d fetch.Denied) {
		skipped = append(skipped, d.Topic)
		if !errors.As(d.Err, &denied) {
			t.Errorf("the error is %v", d.Err)
		}
	}}
	err = user.Read(t.Context(), spans(1), options, func(r *fetch.Record) bool { read = append(read, r.Topic); return true })
	if err != nil || len(read) != 1 || read[0] != "a" || len(skipped) != 1 || skipped[0] != "b" {
		t.Errorf("read %q without %q, %v", read, skipped, err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	stream := user.Stream(ctx, spans(fetch.Never), fetch.StreamOptions{SkipDenied: true, Follow: true, Patience: fetch.Forever})
	next := map[string]int64{}
	refused := map[string]int{}
	until := func(what string, done func() bool) {
		t.Helper()
		for !done() {
			e, open := <-stream.Events()
			if !open {
				t.Fatalf("not before the stream's end: %s; %v, %v, %v", what, stream.Err(), next, refused)
			}
			if e.Denied != nil {
				refused[e.Denied.Topic]++
			}
			for _, c := range e.Chunks {
				next[c.Topic] = c.Next
			}
		}
	}
	until("a is read, b is not", func() bool { return next["a"] == 1 && refused["b"] == 1 })
	permit(t, admin, "a", false)
	until("a is revoked", func() bool { return refused["a"] == 1 })
	write("a")
	permit(t, admin, "a", true)
	permit(t, admin, "b", true)
	until("both are read to their ends", func() bool { return next["a"] == 2 && next["b"] == 1 })
	if refused["a"] != 1 || refused["b"] != 1 {
		t.Errorf("refusals %v, want one each", refused)
	}
}
