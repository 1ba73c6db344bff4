package txn_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

var update = flag.Bool("update", false, "rewrite the traces in testdata")

// Each script in testdata is steps, and below each step the requests that it sent:
//
//	version 2              of the cluster's transactions; 1 or 2
//	answer KEY CODE [N]    the next N requests of this kind (1) get this error code;
//	                       with "-" for the code the broker answers them
//	transaction N          consumes N records of in/0 and writes each to out/0; they
//	                       are sent at the end
//	large N                the same; they are sent before the end, as they come
//	fence                  another producer takes the transactional id
//	restart                a new client with a new producer replaces this one
//
// The requests are those of one producer. In the end it, two that take turns, and the
// client library's own loop, which runs the same script as the oracle, go on without
// errors until all is consumed: then every record has been written exactly once, in
// order, whatever the brokers answered.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name+"/own", func(t *testing.T) {
			t.Parallel()
			got := play(t, source, newOwn)
			if *update {
				if err := os.WriteFile(file, got, 0o600); err != nil {
					t.Fatal(err)
				}
			} else if !bytes.Equal(got, source) {
				t.Errorf("the trace is another one; -update rewrites it:\n%s", got)
			}
		})
		t.Run(name+"/pair", func(t *testing.T) {
			t.Parallel()
			play(t, source, newPair)
		})
		t.Run(name+"/plain", func(t *testing.T) {
			t.Parallel()
			play(t, source, newPlain)
		})
	}
}

// records are in in/0 when a script begins.
const records = 12

// loop consumes and produces in transactions.
type loop interface {
	// transaction is one; the error ends the loop.
	transaction(n int, large bool) error
	close()
}

// stage is a script while it is played.
type stage struct {
	t       *testing.T
	fake    *kfake.Cluster
	brokers []string

	mu      sync.Mutex
	playing bool
	answers map[int16][]int16
	trace   bytes.Buffer
}

// play runs a script and returns it with the requests of each step.
func play(t *testing.T, script []byte, open func(*stage) loop) []byte {
	s := &stage{t: t, answers: map[int16][]int16{}}
	var l loop
	for lines := bufio.NewScanner(bytes.NewReader(script)); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "  ") {
			continue // of the last trace
		}
		s.write(line)
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		number := func(i, otherwise int) int {
			if i >= len(words) {
				return otherwise
			}
			n, err := strconv.Atoi(words[i])
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			return n
		}
		switch words[0] {
		case "version":
			s.start(number(1, 2))
			l = open(s)
		case "answer":
			key, code := keyOf(t, words[1]), codeOf(t, words[2])
			s.mu.Lock()
			s.answers[key] = append(s.answers[key], slices.Repeat([]int16{code}, number(3, 1))...)
			s.mu.Unlock()
		case "transaction", "large":
			if err := l.transaction(number(1, 1), words[0] == "large"); err != nil {
				s.write("  ! " + short(err))
			}
		case "fence":
			s.fence()
		case "restart":
			l.close()
			l = open(s)
		default:
			t.Fatalf("unknown step: %s", line)
		}
	}
	s.mu.Lock()
	s.playing = false
	clear(s.answers)
	s.mu.Unlock()
	s.finish(l, open)
	return s.trace.Bytes()
}

// start starts the cluster.
func (s *stage) start(version int) {
	v := kversion.Stable()
	if version < 2 {
		v = kversion.V3_9_0()
	}
	var err error
	s.fake, err = kfake.NewCluster(kfake.NumBrokers(2), kfake.SeedTopics(1, "in", "out"), kfake.MaxVersions(v))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(s.fake.Close)
	s.brokers = s.fake.ListenAddrs()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.brokers...))
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	for n := range records {
		r := &kgo.Record{Topic: "in", Value: []byte(strconv.Itoa(n))}
		if err := client.ProduceSync(s.t.Context(), r).FirstErr(); err != nil {
			s.t.Fatal(err)
		}
	}
	s.playing = true
	s.fake.Control(s.control)
}

// control writes down a request and answers it, if the script says so.
func (s *stage) control(req kmsg.Request) (kmsg.Response, error, bool) {
	s.fake.KeepControl()
	s.mu.Lock()
	defer s.mu.Unlock()
	text := describe(req)
	if !s.playing || text == "" {
		return nil, nil, false
	}
	text = fmt.Sprintf("  %s v%d %s", kmsg.NameForKey(req.Key()), req.GetVersion(), text)
	queue := s.answers[req.Key()]
	if len(queue) > 0 {
		s.answers[req.Key()] = queue[1:]
	}
	if len(queue) == 0 || queue[0] == 0 {
		fmt.Fprintln(&s.trace, strings.TrimRight(text, " "))
		return nil, nil, false
	}
	fmt.Fprintf(&s.trace, "%s = %s\n", strings.TrimRight(text, " "), short(kerr.ErrorForCode(queue[0])))
	return withCode(req, queue[0]), nil, true
}

func (s *stage) write(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintln(&s.trace, line)
}

// fence has another producer take the transactional id.
func (s *stage) fence() {
	client, err := kgo.NewClient(kgo.SeedBrokers(s.brokers...))
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionalID, req.TransactionTimeoutMillis = kmsg.StringPtr(id), 10_000
	req.ProducerID, req.ProducerEpoch = -1, -1
	if _, err := req.RequestWith(s.t.Context(), client); err != nil {
		s.t.Fatal(err)
	}
}

// finish consumes what is left, and wants all to be written once.
func (s *stage) finish(l loop, open func(*stage) loop) {
	s.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.brokers...), kgo.ConsumeTopics("out"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	for left := records; ; {
		l.close()
		l = open(s)
		offsets, err := kadm.NewClient(client).FetchOffsets(s.t.Context(), group)
		if err != nil {
			s.t.Fatal(err)
		}
		if o, ok := offsets.Lookup("in", 0); ok {
			left = records - int(o.At)
		}
		if left == 0 {
			break
		}
		if err := l.transaction(left, false); err != nil {
			s.t.Fatalf("in the end: %v", err)
		}
	}
	l.close()
	for n := 0; n < records; {
		fetches := client.PollFetches(s.t.Context())
		if err := fetches.Err(); err != nil {
			s.t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if string(r.Value) != strconv.Itoa(n) {
				s.t.Fatalf("record %s is written where %d is due", r.Value, n)
			}
			n++
		})
	}
}

// describe returns a request of the protocol in a few words, "" for any other.
func describe(req kmsg.Request) string {
	switch req := req.(type) {
	case *kmsg.InitProducerIDRequest:
		return "epoch " + strconv.Itoa(int(req.ProducerEpoch))
	case *kmsg.AddPartitionsToTxnRequest:
		var to []string
		for _, t := range req.Topics {
			to = append(to, fmt.Sprintf("%s/%d", t.Topic, t.Partitions))
		}
		return fmt.Sprintf("epoch %d %s", req.ProducerEpoch, strings.Join(to, " "))
	case *kmsg.AddOffsetsToTxnRequest:
		return fmt.Sprintf("epoch %d", req.ProducerEpoch)
	case *kmsg.ProduceRequest:
		if req.TransactionID == nil {
			return ""
		}
		b := req.Topics[0].Partitions[0].Records // one record batch
		return fmt.Sprintf("epoch %d sequence %d records %d", binary.BigEndian.Uint16(b[51:]), binary.BigEndian.Uint32(b[53:]), binary.BigEndian.Uint32(b[57:]))
	case *kmsg.TxnOffsetCommitRequest:
		t := req.Topics[0]
		return fmt.Sprintf("epoch %d offset %d", req.ProducerEpoch, t.Partitions[0].Offset)
	case *kmsg.EndTxnRequest:
		end := "abort"
		if req.Commit {
			end = "commit"
		}
		return fmt.Sprintf("epoch %d %s", req.ProducerEpoch, end)
	}
	return ""
}

// withCode returns the response to a request with an error code for all of it.
func withCode(req kmsg.Request, code int16) kmsg.Response {
	resp := req.ResponseKind()
	switch resp := resp.(type) {
	case *kmsg.InitProducerIDResponse:
		resp.ErrorCode = code
	case *kmsg.AddPartitionsToTxnResponse:
		for _, rt := range req.(*kmsg.AddPartitionsToTxnRequest).Topics {
			t := kmsg.NewAddPartitionsToTxnResponseTopic()
			t.Topic = rt.Topic
			for _, n := range rt.Partitions {
				p := kmsg.NewAddPartitionsToTxnResponseTopicPartition()
				p.Partition, p.ErrorCode = n, code
				t.Partitions = append(t.Partitions, p)
			}
			resp.Topics = append(resp.Topics, t)
		}
	case *kmsg.AddOffsetsToTxnResponse:
		resp.ErrorCode = code
	case *kmsg.ProduceResponse:
		for _, rt := range req.(*kmsg.ProduceRequest).Topics {
			t := kmsg.NewProduceResponseTopic()
			t.Topic, t.TopicID = rt.Topic, rt.TopicID
			for _, rp := range rt.Partitions {
				p := kmsg.NewProduceResponseTopicPartition()
				p.Partition, p.ErrorCode = rp.Partition, code
				t.Partitions = append(t.Partitions, p)
			}
			resp.Topics = append(resp.Topics, t)
		}
	case *kmsg.TxnOffsetCommitResponse:
		for _, rt := range req.(*kmsg.TxnOffsetCommitRequest).Topics {
			t := kmsg.NewTxnOffsetCommitResponseTopic()
			t.Topic, t.TopicID = rt.Topic, rt.TopicID
			for _, rp := range rt.Partitions {
				p := kmsg.NewTxnOffsetCommitResponseTopicPartition()
				p.Partition, p.ErrorCode = rp.Partition, code
				t.Partitions = append(t.Partitions, p)
			}
			resp.Topics = append(resp.Topics, t)
		}
	case *kmsg.EndTxnResponse:
		resp.ErrorCode = code
	}
	return resp
}

func keyOf(t *testing.T, name string) int16 {
	for key := range int16(kmsg.MaxKey) {
		if kmsg.NameForKey(key) == name {
			return key
		}
	}
	t.Fatalf("unknown request: %s", name)
	return 0
}

func codeOf(t *testing.T, name string) int16 {
	if name == "-" {
		return 0
	}
	for code := range int16(200) {
		if short(kerr.ErrorForCode(code)) == name {
			return code
		}
	}
	t.Fatalf("unknown error code: %s", name)
	return 0
}
