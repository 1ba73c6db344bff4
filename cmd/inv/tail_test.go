package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"inv/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kgo"
)

// lockedBuffer is a buffer that is safe for concurrent use.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

const alert = `{"alert_type":"critical_inventory","product_id":"prod-456","product_name":"Laptop Charger","current_stock":3,"threshold":3,"warehouse_id":"wh-east-1","timestamp":1625140801841}`

// On a terminal there are colours, lines of its width, the bell, and a status line
// that counts severities and is erased at the end.
func TestTailOnATerminal(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	client := kafkatest.Client(t, brokers)
	var out, notices lockedBuffer
	var columns atomic.Int64
	columns.Store(70)
	s := &streams{
		in: strings.NewReader(""), out: &out, err: &notices, outTerminal: true, errTerminal: true, now: time.Now,
		getenv: func(name string) string { return map[string]string{"TERM": "xterm-256color"}[name] },
		width:  func() int { return int(columns.Load()) },
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan int, 1)
	go func() {
		err := execute(ctx, []string{"tail", "alerts", "--bell", "--time", "utc", "-b", brokers[0]}, s)
		ended <- exitCode(ctx, err, s.err)
	}()
	wait := func(b *lockedBuffer, text string) {
		t.Helper()
		kafkatest.Eventually(t, 20*time.Second, fmt.Sprintf("%q", text), func() (bool, error) {
			return strings.Contains(b.String(), text), nil
		})
	}
	wait(&notices, "waiting for inventory_alerts")
	if result := invoke(t, []string{"INV_BROKERS=" + brokers[0]}, "topics", "create", "alerts"); result.code != 0 {
		t.Fatal(result.stderr)
	}
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "inventory_alerts", Key: []byte("prod-456"), Value: []byte(alert)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	wait(&out, "1 critical")
	if strings.Contains(out.String(), "wh-east-1") {
		t.Error("the line is wider than the terminal")
	}
	columns.Store(120) // used from the line after the next
	for i := range 2 {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "inventory_alerts", Key: []byte("prod-456"), Value: []byte(alert)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		wait(&out, fmt.Sprintf("%d critical", i+2))
	}
	if !strings.Contains(out.String(), "wh-east-1") {
		t.Error("the line does not follow the terminal's width")
	}
	columns.Store(15) // too narrow for a status line of both
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "inventory_alerts", Key: []byte("prod-456"), Value: []byte(alert)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	wait(&out, "4 records")
	if strings.Contains(out.String(), "4 critical") {
		t.Error("the status line is wider than the terminal")
	}
	cancel(signalError{})
	if code := <-ended; code != 0 {
		t.Errorf("a following tail that is interrupted exits %d", code)
	}
	got := out.String()
	for _, want := range []string{"\x1b[1;38;5;203mCRITICAL", "prod-456", "\a", eraseLine} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
	if !strings.HasSuffix(got, eraseLine) {
		t.Errorf("the status line stays: %q", got)
	}
}

func TestTailCompletes(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"tail --output ", "csv"}, {"tail --value-as ", "base64"}, {"tail --until ", "end"}, {"tail ", "alerts"}, {"tail -o ", "yaml"},
	} {
		args := append([]string{"__complete"}, strings.Split(c.args, " ")...)
		invoke(t, []string{"INV_BROKERS=127.0.0.1:1"}, args...).wants(t, 0, c.want, "")
	}
}
