package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
)

func int64Bytes(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func int32Bytes(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// Keys that only look framed are shown as they are, with one line about them, and
// --key-as int64 says what they are without asking the registry.
func TestKeysThatLookFramed(t *testing.T) {
	var requests atomic.Int64
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"error_code":40403}`)
	}))
	defer registry.Close()
	brokers := kafkatest.Embedded(t)
	topic := kafkatest.Topic(t, brokers, "events", 1)
	var records []*kgo.Record
	for i := range 300 {
		records = append(records, &kgo.Record{Topic: topic, Key: int64Bytes(uint64(i+1) << 30), Value: []byte("v")})
	}
	if err := kafkatest.Client(t, brokers).ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	env := []string{"INV_BROKERS=" + brokers[0], "INV_REGISTRY=" + registry.URL}
	got := invoke(t, env, "tail", topic, "--until", "end", "--offset", "start")
	if strings.Count(got.stdout, "\n") != 300 || !strings.Contains(got.stdout, "  1073741824  v\n") {
		t.Errorf("shown are\n%.300s", got.stdout)
	}
	if n := requests.Load(); strings.Count(got.stderr, "\n") != 1 || !strings.Contains(got.stderr, "--key-as") || n > 20 {
		t.Errorf("%d requests, and %q", n, got.stderr)
	}
	requests.Store(0)
	got = invoke(t, env, "tail", topic, "--until", "end", "--offset", "start", "--key-as", "int64", "--filter", `$key == "2147483648"`, "-o", "json")
	if n := requests.Load(); n != 0 || !strings.Contains(got.stdout, `"key":"2147483648"`) || strings.Count(got.stdout, "\n") != 1 {
		t.Errorf("%d requests, and %+v", n, got)
	}
}

// firstWrite is a writer whose channel is closed by the first write.
type firstWrite struct {
	bytes.Buffer
	once    sync.Once
	written chan struct{}
}

func (w *firstWrite) Write(b []byte) (int, error) {
	n, err := w.Buffer.Write(b)
	w.once.Do(func() { close(w.written) })
	return n, err
}

// While the registry does not answer, the lines before are already written. It is
// asked once, and one line says so.
func TestOutputBeforeWaitingForARegistry(t *testing.T) {
	out := &firstWrite{written: make(chan struct{})}
	var requests, early atomic.Int64
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		select {
		case <-out.written:
			early.Add(1)
		case <-r.Context().Done(): // the lookup has timed out
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer registry.Close()
	brokers := kafkatest.Embedded(t)
	topic := kafkatest.Topic(t, brokers, "events", 1)
	records := []*kgo.Record{{Topic: topic, Value: []byte("first")}}
	for id := range 20 {
		records = append(records, &kgo.Record{Topic: topic, Value: framed(1+id, []byte("x"))})
	}
	if err := kafkatest.Client(t, brokers).ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	code := run([]string{"tail", topic, "--until", "end", "--offset", "start", "--registry", registry.URL, "--brokers", brokers[0]}, &streams{
		in: strings.NewReader(""), out: out, err: &stderr, getenv: func(string) string { return "" }, now: time.Now, width: func() int { return 0 },
	})
	if code != 0 || strings.Count(out.String(), "\n") != 21 || strings.Count(stderr.String(), "\n") != 1 || !strings.Contains(stderr.String(), "asking the registry") {
		t.Errorf("exit code %d, %q, %q", code, out.String(), stderr.String())
	}
	if requests.Load() != 1 || early.Load() != 1 {
		t.Errorf("%d requests, %d after the first line", requests.Load(), early.Load())
	}
}

// -o raw writes the bytes of values, whatever the registry makes of them for filters.
func TestRawWithARegistry(t *testing.T) {
	registry := srfake.New()
	defer registry.Close()
	registry.SeedSchema("x", 1, 1, sr.Schema{Schema: `{"type":"record","name":"R","fields":[{"name":"a","type":"long"}]}`, Type: sr.TypeAvro})
	brokers := kafkatest.Embedded(t)
	topic := kafkatest.Topic(t, brokers, "values", 1)
	small, large := framed(1, []byte{2}), framed(1, []byte{4})
	if err := kafkatest.Client(t, brokers).ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: small}, &kgo.Record{Topic: topic, Value: large}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	config := t.TempDir() + "/inv.yaml"
	if err := os.WriteFile(config, []byte("profiles:\n  p:\n    schema_registry: {url: '"+registry.URL()+"'}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		want string
		code int
	}{
		{"", string(small) + "\n" + string(large) + "\n", 0},
		{"--filter=.a==2", string(large) + "\n", 0},
		{"--offset=start --filter=.a==2", string(large) + "\n", 0},
		{"--fail-on=.a==1", string(small) + "\n", 1},
		{"--value-as=hex", string(small) + "\n" + string(large) + "\n", 0},
	} {
		args := append([]string{"tail", topic, "--until", "end", "-o", "raw", "--config", config, "--profile", "p", "--brokers", brokers[0]}, strings.Fields(c.args)...)
		if got := invoke(t, nil, args...); got.stdout != c.want || got.code != c.code {
			t.Errorf("%q: %+v, want %q", c.args, got, c.want)
		}
	}
}

// --key takes a key as lines show it, and --partitioner follows its bytes.
func TestKeyAsShown(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	topic := kafkatest.Topic(t, brokers, "keys", 7)
	uuid := []byte{0x00, 0xff, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	keys := [][]byte{int64Bytes(42), int32Bytes(42), []byte("42"), uuid, []byte("a\x1bb"), []byte(`a\x1bb`), []byte("abcd"), {}, nil}
	var records []*kgo.Record
	for i, key := range keys {
		records = append(records, &kgo.Record{Topic: topic, Key: key, Value: fmt.Append(nil, "v", i)})
	}
	if err := kafkatest.Client(t, brokers).ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	env := []string{"INV_BROKERS=" + brokers[0]}
	for _, c := range []struct{ key, as, want string }{
		{"42", "auto", "v0 v1 v2"},
		{"42", "int64", "v0"},
		{"42", "int32", "v1"},
		{"42", "int", "v0 v1"},
		{"42", "string", "v2"},
		{"0x00ff02030405060708090a0b0c0d0e0f", "auto", "v3"},
		{"0x05060708090a0b0c0d0e0f (schema 4278321924)", "auto", "v3"},
		{"00ff0203-0405-0607-0809-0a0b0c0d0e0f", "uuid", "v3"},
		{"00ff02030405060708090a0b0c0d0e0f", "hex", "v3"},
		{`a\x1bb`, "auto", "v4 v5"},
		{"1633837924", "auto", ""}, // the bytes of abcd, which are shown as text
		{"abcd", "auto", "v6"},
		{"", "auto", "v7"},
	} {
		for _, more := range [][]string{nil, {"--partitioner", "murmur2"}} {
			got := invoke(t, env, append([]string{"tail", topic, "--until", "end", "-o", "raw", "--key", c.key, "--key-as", c.as}, more...)...)
			if shown := strings.Join(slices.Sorted(strings.FieldsSeq(got.stdout)), " "); shown != c.want || got.code != 0 {
				t.Errorf("%q as %s %v: %q, want %q (%s)", c.key, c.as, more, shown, c.want, got.stderr)
			}
			if read, _, _ := strings.Cut(got.stderr, " record"); more != nil && c.as != "auto" && c.as != "int" && strings.HasSuffix(read, " 9") {
				t.Errorf("%q as %s: all partitions were read", c.key, c.as)
			}
		}
	}
	invoke(t, env, "tail", topic, "--until", "end", "--key", "x", "--key-as", "int64").wants(t, 2, "", `--key: "x" is not an integer of 8 bytes`)
	invoke(t, env, "tail", topic, "--until", "end", "--key-as", "avro").wants(t, 2, "", "--registry")
}
