package sinks_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"inv/internal/event"
	"inv/internal/kafka"
	"inv/internal/kafkatest"
	"inv/processor/forward"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	partitions = 3
	keys       = 9 // lanes
	badEvery   = 100
)

// rig is a topic, and sinks that read it.
type rig struct {
	t        *testing.T
	brokers  []string
	app      string
	topic    string
	scenario string
	client   *kgo.Client
	receiver *receiver
	folder   string
	next     int // number of the next record

	committed map[string]int // numbers of committed records, by place
}

func newRig(t *testing.T, brokers []string) *rig {
	t.Helper()
	r := &rig{t: t, brokers: brokers, app: kafkatest.Name(t, "f"), client: kafkatest.Client(t, brokers), folder: t.TempDir(), committed: map[string]int{}}
	r.topic = kafkatest.Topic(t, brokers, "events", partitions)
	r.receiver = newReceiver(t)
	for _, sink := range []string{"hooks", "groups", "lake", "db", "latest"} {
		kafkatest.DeleteAfter(t, r.client, forward.DeadLetterTopic(r.app, sink), forward.RetryTopic(r.app, sink))
	}
	r.scenario = `
scenario: t
topics: {events: {topic: ` + r.topic + `, partitions: 3}}
sinks:
  hooks: {from: events, http: {post: "${RECEIVER}/{k}", sign: "${KEY}", body: {n: "{n}"}}}
  groups: {from: events, group: {by: k, wait: 50ms}, http: {post: "${RECEIVER}/{k}", sign: "${KEY}", body: {ns: {jq: "[$records[].n]"}}}}
  lake: {from: events, files: {folder: "${LAKE}", format: jsonl, roll: {rows: 200, after: 1s}}}
  db: {from: events, postgres: {url: "${DATABASE}", tables: {else: {append: events}}}}
  latest: {from: events, postgres: {url: "${DATABASE}", tables: {events: {upsert: latest, key: k, newest: n, columns: {n: int}}}}}
`
	return r
}

// start starts a process that forwards to a sink.
func (r *rig) start(sink string, change ...func(*childConfig)) *child {
	r.t.Helper()
	c := childConfig{Brokers: r.brokers, App: r.app, Scenario: r.scenario, Sink: sink}
	for _, f := range change {
		f(&c)
	}
	return startChild(r.t, c, "RECEIVER="+r.receiver.url, "LAKE="+r.folder, "KEY=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "DATABASE="+os.Getenv("INV_TEST_DATABASE"))
}

func drain(c *childConfig) { c.Drain = true }

// produce writes n records, a tenth of them in transactions, and half as many that are
// aborted. bad ones are what the receiver refuses.
func (r *rig) produce(n int) {
	r.t.Helper()
	txn := kafkatest.Client(r.t, r.brokers, kgo.TransactionalID(kafkatest.Name(r.t, "txn")))
	for done := 0; done < n; {
		batch := r.batch(min(n-done, 100))
		if done%1000 == 0 {
			r.transaction(txn, batch, kgo.TryCommit)
			r.aborted(txn)
		} else if err := r.client.ProduceSync(r.t.Context(), batch...).FirstErr(); err != nil {
			r.t.Fatal(err)
		}
		for i, record := range batch {
			r.committed[fmt.Sprintf("%d@%d", record.Partition, record.Offset)] = r.next - len(batch) + i
		}
		done += len(batch)
	}
}

func (r *rig) batch(n int) (records []*kgo.Record) {
	for range n {
		key := "k" + strconv.Itoa(r.next%keys)
		value := fmt.Sprintf(`{"n":%d,"k":%q}`, r.next, key)
		records = append(records, &kgo.Record{Topic: r.topic, Key: []byte(key), Value: []byte(value)})
		r.next++
	}
	return records
}

// aborted writes records that must not appear anywhere.
func (r *rig) aborted(txn *kgo.Client) {
	r.t.Helper()
	var records []*kgo.Record
	for i := range 50 {
		records = append(records, &kgo.Record{Topic: r.topic, Key: []byte("k" + strconv.Itoa(i%keys)), Value: []byte(`{"n":-1,"k":"aborted"}`)})
	}
	r.transaction(txn, records, kgo.TryAbort)
}

func (r *rig) transaction(txn *kgo.Client, records []*kgo.Record, how kgo.TransactionEndTry) {
	r.t.Helper()
	ctx := r.t.Context()
	if err := txn.BeginTransaction(); err != nil {
		r.t.Fatal(err)
	}
	if err := txn.ProduceSync(ctx, records...).FirstErr(); err != nil {
		r.t.Fatal(err)
	}
	if err := txn.EndTransaction(ctx, how); err != nil {
		r.t.Fatal(err)
	}
}

// receiver is a system that deduplicates by id. It refuses each badEvery-th record.
type receiver struct {
	url string

	mu     sync.Mutex
	bodies map[string]string // by id
	ids    []string          // in the order of their first arrivals
	lanes  map[string]string // by id
	wrong  []string
	count  int
	at     int    // calls do once at this request or, if it refuses that, the next one, unanswered
	do     func() // nil: nothing
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{bodies: map[string]string{}, lanes: map[string]string{}}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	id := q.Header.Get("Webhook-Id")
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		return // the sender is gone
	}
	r.count++
	var one struct{ N *int }
	if json.Unmarshal(body, &one) == nil && one.N != nil && *one.N%badEvery == 7 {
		w.WriteHeader(http.StatusUnprocessableEntity)
		return
	}
	was, known := r.bodies[id]
	if known && was != string(body) {
		r.wrong = append(r.wrong, fmt.Sprintf("id %s has %s, and had %s", id, body, was))
	}
	if !known {
		r.bodies[id], r.lanes[id] = string(body), q.URL.Path
		r.ids = append(r.ids, id)
	}
	if do := r.do; do != nil && r.count >= r.at {
		r.do = nil
		do()
	}
}

// requests returns how many have arrived.
func (r *receiver) requests() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}

// unanswered has do called once a number of requests has arrived, before the last one of
// them is answered.
func (r *receiver) unanswered(requests int, do func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at, r.do = r.count+requests, do
}

// checkReceiver checks that the receiver has each record once, those of a lane in their
// order, and that the others are dead letters, each once.
func (r *rig) checkReceiver(sink string) {
	r.t.Helper()
	v := r.receiver
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, text := range v.wrong {
		r.t.Error(text)
	}
	last, seen := map[string]int{}, map[int]int{}
	for _, id := range v.ids {
		var body struct {
			N  *int
			Ns []int
		}
		if err := json.Unmarshal([]byte(v.bodies[id]), &body); err != nil {
			r.t.Fatalf("%s: %v", v.bodies[id], err)
		}
		if body.N != nil {
			body.Ns = append(body.Ns, *body.N)
		}
		for _, n := range body.Ns {
			seen[n]++
			if was, ok := last[v.lanes[id]]; ok && n < was {
				r.t.Errorf("lane %s: %d comes after %d", v.lanes[id], n, was)
			}
			last[v.lanes[id]] = n
		}
	}
	var letters map[int]int
	if sink == "hooks" {
		// Those behind a transaction of a process that was killed are seen once it has timed out.
		kafkatest.Eventually(r.t, patience, "dead letters", func() (bool, error) {
			letters = r.letters(sink)
			return len(letters) >= (r.next+badEvery-8)/badEvery, nil
		})
	}
	for n := range r.next {
		bad := sink == "hooks" && n%badEvery == 7
		switch {
		case bad && (letters[n] != 1 || seen[n] > 0):
			r.t.Errorf("record %d has %d dead letters, and %d deliveries", n, letters[n], seen[n])
		case !bad && (letters[n] > 0 || seen[n] != 1):
			r.t.Errorf("record %d arrived under %d ids, and has %d dead letters", n, seen[n], letters[n])
		}
	}
	if len(seen)+len(letters) != r.next {
		r.t.Errorf("%d records arrived, and %d dead letters, of %d records", len(seen), len(letters), r.next)
	}
}

// letters returns the committed dead letters of a sink, by the records' numbers.
func (r *rig) letters(sink string) map[int]int {
	r.t.Helper()
	letters := map[int]int{}
	spans, err := kafka.Spans(r.t.Context(), r.client, forward.DeadLetterTopic(r.app, sink))
	if err != nil {
		r.t.Fatal(err)
	}
	err = kafka.Read(r.t.Context(), kafka.Config{Brokers: r.brokers}, spans, func(_ int, record *kgo.Record) bool {
		var value struct{ N int }
		if err := json.Unmarshal(record.Value, &value); err != nil {
			r.t.Errorf("a dead letter has %s", record.Value)
		}
		if _, ok := event.FirstHeader(record.Headers, event.HeaderDLQReplayTo); !ok {
			r.t.Error("a dead letter says nothing of its replay")
		}
		letters[value.N]++
		return false
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return letters
}

// checkFiles checks that the folder has each committed record once.
func (r *rig) checkFiles() {
	r.t.Helper()
	names, err := filepath.Glob(filepath.Join(r.folder, "*", "*.jsonl"))
	if err != nil {
		r.t.Fatal(err)
	}
	rows := map[string]int{}
	for _, name := range names {
		file, err := os.Open(name)
		if err != nil {
			r.t.Fatal(err)
		}
		lines := bufio.NewScanner(file)
		for lines.Scan() {
			var row struct {
				Partition int   `json:"_partition"`
				Offset    int64 `json:"_offset"`
				Value     struct{ N int }
			}
			if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
				r.t.Fatalf("%s: %v in %s", name, err, lines.Text())
			}
			at := fmt.Sprintf("%d@%d", row.Partition, row.Offset)
			rows[at]++
			if n, ok := r.committed[at]; !ok || n != row.Value.N {
				r.t.Errorf("%s is in %s, where %d is committed", lines.Text(), filepath.Base(name), n)
			}
		}
		if err := lines.Err(); err != nil {
			r.t.Fatal(err)
		}
		_ = file.Close()
	}
	total := 0
	for at, n := range rows {
		total += n
		if n > 1 {
			r.t.Errorf("%s is there %d times", at, n)
		}
	}
	if total != len(r.committed) || len(rows) != len(r.committed) {
		r.t.Errorf("%d rows of %d places, of %d committed records", total, len(rows), len(r.committed))
	}
}

// published returns how many files the folder has.
func (r *rig) published() int {
	names, _ := filepath.Glob(filepath.Join(r.folder, "*", "*.jsonl"))
	n := 0
	for _, name := range names {
		if !strings.HasPrefix(filepath.Base(name), ".") {
			n++
		}
	}
	return n
}

// check checks what a sink has delivered.
func (r *rig) check(sink string) {
	r.t.Helper()
	if sink == "lake" {
		r.checkFiles()
		return
	}
	r.checkReceiver(sink)
}
