package mail

import (
	"bytes"
	"context"
	"fmt"
	netmail "net/mail"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"inv/internal/event"
	"inv/internal/kafka"
	"inv/internal/kafkatest"
	"inv/processor/forward"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Of the process that a test kills.
const (
	killedBrokers = "INV_TEST_KILLED_BROKERS"
	killedTopic   = "INV_TEST_KILLED_TOPIC" // also the application
	killedServer  = "INV_TEST_KILLED_SERVER"
	killedAt      = "INV_TEST_KILLED_AT" // "": it drains
)

// unreachable is an address that no server takes without SMTPUTF8.
const unreachable = "öps@example.com"

// TestRealKilled is the process that TestRealGroupsKilled kills: it sends mail to two
// recipients, of which the server takes one, until it comes to a point.
func TestRealKilled(t *testing.T) {
	brokers := os.Getenv(killedBrokers)
	if brokers == "" {
		t.Skip("it is run by TestRealGroupsKilled")
	}
	point, times := os.Getenv(killedAt), 0
	// Several cuts or letters may be in one commit.
	most := map[string]int{"intent": 1, "letter": 1, "before-send": 3, "sent": 3, "answered": 3}[point]
	at := func(name string) {
		if name == point {
			if times++; times == most {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		}
	}
	e := declared("smtp://"+os.Getenv(killedServer), "ops@example.com", unreachable)
	e.Subject, e.Line = *sinkText("{count} of {$key}"), sinkText("{$partition}.{$offset}")
	s := newSender(t, e, nil)
	s.at = at
	_, err := forward.Run(t.Context(), forward.Config{
		Kafka: kafka.Config{Brokers: []string{brokers}}, App: os.Getenv(killedTopic), Name: "mail",
		Sources: []forward.Source{{Alias: "alerts", Topic: os.Getenv(killedTopic)}},
		Group: &forward.Grouping{Wait: 20 * time.Millisecond, By: func(dst []byte, r *forward.Record) ([]byte, bool, error) {
			return append(dst, r.Key...), true, nil
		}},
		Drain: point == "", At: at, Lanes: 1, // so that points aren't passed twice at once
	}, s)
	if err != nil {
		t.Fatal(err)
	}
}

// TestRealGroupsKilled kills a process that sends groups, at all points, and looks into the
// mailbox: with those of the same id counted once, each record is in one message, the
// messages of an id are the same, and each record has one dead letter for the recipient
// that was refused.
func TestRealGroupsKilled(t *testing.T) {
	real(t)
	kafkatest.OnEach(t, testGroupsKilled)
}

func testGroupsKilled(t *testing.T, brokers []string) {
	smtp, imap := startGreenMail(t)
	client := kafkatest.Client(t, brokers, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	topic := kafkatest.Topic(t, brokers, "alerts", 3)
	kafkatest.DeleteAfter(t, client, forward.DeadLetterTopic(topic, "mail"), forward.RetryTopic(topic, "mail"))
	written := 0
	for _, point := range []string{"before-send", "sent", "answered", "intent", "letter", "sent", ""} {
		var records []*kgo.Record
		for range 60 {
			records = append(records, &kgo.Record{Topic: topic, Partition: int32(written % 3), Key: fmt.Appendf(nil, "wh-%d", written%7), Value: []byte("{}")})
			written++
		}
		if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		command := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestRealKilled$", "-test.count=1")
		command.Env = append(os.Environ(), killedBrokers+"="+brokers[0], killedTopic+"="+topic, killedServer+"="+smtp, killedAt+"="+point)
		output, err := command.CombinedOutput()
		if ctx.Err() != nil || (err == nil) != (point == "") {
			t.Fatalf("at %q: %v, %v\n%s", point, err, ctx.Err(), output)
		}
		cancel()
	}
	checkMailbox(t, mailbox(t, imap, "ops@example.com"), written)
	checkLetters(t, client, brokers, forward.DeadLetterTopic(topic, "mail"), written)
}

// checkMailbox checks that messages with the same id are the same, and that each record is
// in one of them.
func checkMailbox(t *testing.T, all [][]byte, written int) {
	t.Helper()
	byID := map[string]string{}
	lines := map[string]int{}
	for _, b := range all {
		b = b[bytes.Index(b, []byte("Auto-Submitted:")):]
		m, err := netmail.ReadMessage(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		id := m.Header.Get("Message-ID")
		if had, ok := byID[id]; ok {
			if had != string(b) {
				t.Errorf("message %s is\n%s\nand\n%s", id, had, b)
			}
			continue
		}
		byID[id] = string(b)
		subject, body := checkMessage(t, b)
		list := strings.Split(strings.TrimSuffix(body, "\n"), "\n")
		if !strings.HasPrefix(subject, fmt.Sprint(len(list), " of wh-")) {
			t.Errorf("the subject of %d records is %q", len(list), subject)
		}
		for _, line := range list {
			lines[line]++
		}
	}
	for line, n := range lines {
		if n != 1 {
			t.Errorf("%s is in %d messages", line, n)
		}
	}
	if len(lines) != written {
		t.Errorf("%d records are in messages, want %d", len(lines), written)
	}
	if len(byID) == len(all) {
		t.Errorf("%d messages, and none came twice, so nothing was tested", len(all))
	}
}

func checkLetters(t *testing.T, client *kgo.Client, brokers []string, topic string, written int) {
	t.Helper()
	spans, err := kafka.Spans(t.Context(), client, topic)
	if err != nil {
		t.Fatal(err)
	}
	var places []string
	err = kafka.Read(t.Context(), kafka.Config{Brokers: brokers}, spans, func(_ int, r *kgo.Record) bool {
		header := func(name string) string {
			value, _ := event.FirstHeader(r.Headers, name)
			return string(value)
		}
		places = append(places, header(event.HeaderDLQPartition)+"."+header(event.HeaderDLQOffset))
		if header(event.HeaderDLQRecipient) != unreachable || header(event.HeaderDLQReason) != forward.Refused {
			t.Errorf("a letter is for %q, because it was %s", header(event.HeaderDLQRecipient), header(event.HeaderDLQReason))
		}
		return false
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(places)
	if n := len(slices.Compact(slices.Clone(places))); n != written || len(places) != written {
		t.Errorf("there are %d dead letters, of %d records, want %d", len(places), n, written)
	}
}
