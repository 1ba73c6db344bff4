package webhook

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafkatest"
	"inv/internal/scenario"
	"inv/processor/forward"
	"inv/processor/forward/compose"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestRealKilledProcessesLoseNothing kills a process at each point of a delivery. A receiver
// that ignores repetitions sees every record, in the order of its lane, and each repetition
// has the same id and the same bytes.
func TestRealKilledProcessesLoseNothing(t *testing.T) {
	needsReal(t)
	brokers := kafkatest.Embedded(t)
	client := kafkatest.Client(t, brokers)
	topic := kafkatest.Topic(t, brokers, "orders", 3)
	// The first two processes are killed long before they are at the poison record, and the
	// fourth long before the end.
	const n, lanes, poison = 1500, 30, 900
	var records []*kgo.Record
	for i := range n {
		records = append(records, &kgo.Record{Topic: topic, Key: fmt.Append(nil, "lane-", i%lanes), Value: fmt.Appendf(nil, `{"id":"order-%d","n":%d}`, i, i)})
	}
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	to := &deduplicating{t: t, lanes: make([][]int, lanes), poison: "order-" + strconv.Itoa(poison), bodies: map[string]string{}}
	server := httptest.NewServer(to)
	defer server.Close()
	begin := func(point string, nth int) *exec.Cmd {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledProcess$", "-test.v")
		cmd.Env = append(os.Environ(), "KILLED_BROKERS="+strings.Join(brokers, ","), "KILLED_TOPIC="+topic, "KILLED_URL="+server.URL, "KILLED_AT="+point, "KILLED_NTH="+strconv.Itoa(nth))
		return cmd
	}
	for _, at := range []struct {
		point string
		nth   int
	}{{"before-send", 40}, {"answered", 150}, {"letter", 1}} {
		output, err := begin(at.point, at.nth).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("killed at %s: %v\n%s", at.point, err, output)
		}
	}
	unanswered := begin("", 0)
	to.kill(unanswered, 200)
	_ = unanswered.Wait()
	if output, err := begin("", 0).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	to.check(n - 1)
	letters := 0
	consumer := kafkatest.Client(t, brokers, kgo.ConsumeTopics(forward.DeadLetterTopic("killed", "sink")), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	kafkatest.Eventually(t, 30*time.Second, "a dead letter", func() (bool, error) {
		consumer.PollFetches(t.Context()).EachRecord(func(r *kgo.Record) {
			if letters++; !strings.Contains(string(r.Value), to.poison) {
				t.Errorf("a letter of %s", r.Value)
			}
		})
		return letters > 0, nil
	})
	if letters != 1 {
		t.Errorf("%d letters", letters)
	}
}

// TestKilledProcess is the process that is killed.
func TestKilledProcess(t *testing.T) {
	url := os.Getenv("KILLED_URL")
	if url == "" {
		t.Skip("started by TestRealKilledProcessesLoseNothing")
	}
	sender, err := New(&scenario.HTTPSink{
		Method: "POST", URL: *text(url), Sign: text(secretA), IdempotencyKey: &scenario.Selector{Path: []string{"id"}}, Body: object(named("reference", "{id}"), named("n", "{n}")),
	}, Options{Vars: compose.NewVariables(os.LookupEnv)})
	if err != nil {
		t.Fatal(err)
	}
	var calls atomic.Int64
	nth, _ := strconv.ParseInt(os.Getenv("KILLED_NTH"), 10, 64)
	_, err = forward.Run(t.Context(), forward.Config{
		Kafka: kafka.Config{Brokers: strings.Split(os.Getenv("KILLED_BROKERS"), ","), Options: []kgo.Opt{kgo.SessionTimeout(6 * time.Second)}},
		App:   "killed", Name: "sink", Sources: []forward.Source{{Alias: "orders", Topic: os.Getenv("KILLED_TOPIC")}}, JSON: true, Drain: true,
		At: func(point string) {
			if point == os.Getenv("KILLED_AT") && calls.Add(1) == nth {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		},
	}, sender)
	if err = cmp.Or(err, sender.Close()); err != nil {
		t.Fatal(err)
	}
}

// deduplicating is a receiver that keeps the first request of each id.
type deduplicating struct {
	t      *testing.T
	poison string

	mu      sync.Mutex
	bodies  map[string]string // by id
	lanes   [][]int           // first requests in their order
	again   int
	killing int // requests until the sender is killed
	victim  *exec.Cmd
}

// kill starts a process that is killed at its nth request, before the answer.
func (d *deduplicating) kill(cmd *exec.Cmd, nth int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.victim, d.killing = cmd, nth
}

func (d *deduplicating) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // a part of it is no JSON
	id := r.Header.Get("Idempotency-Key")
	var order struct {
		Reference string
		N         int
	}
	if json.Unmarshal(body, &order) != nil {
		return // of a process that was killed
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if order.Reference != id || r.Header.Get("Webhook-Id") != id {
		d.t.Errorf("%s has the body %s and the id %s", id, body, r.Header.Get("Webhook-Id"))
	}
	if d.victim != nil {
		if d.killing--; d.killing == 0 {
			_ = d.victim.Process.Kill()
			d.victim = nil
		}
	}
	if id == d.poison {
		w.WriteHeader(http.StatusUnprocessableEntity)
		return
	}
	if first, known := d.bodies[id]; known {
		if d.again++; first != string(body) {
			d.t.Errorf("%s came again with another body, %s", first, body)
		}
		return
	}
	d.bodies[id] = string(body)
	lane := order.N % len(d.lanes)
	d.lanes[lane] = append(d.lanes[lane], order.N)
}

// check looks for what is missing, and what came before its turn.
func (d *deduplicating) check(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.bodies) != n {
		d.t.Errorf("%d of %d records", len(d.bodies), n)
	}
	if d.again == 0 {
		d.t.Error("nothing came again, so nothing was tested")
	}
	for lane, got := range d.lanes {
		for i := 1; i < len(got); i++ {
			if got[i] < got[i-1] {
				d.t.Errorf("lane %d: %d after %d", lane, got[i], got[i-1])
			}
		}
	}
}
