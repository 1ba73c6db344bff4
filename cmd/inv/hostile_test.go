package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"inv/internal/kafkatest"
	"inv/internal/termsafe"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// patience bounds commands that end by themselves.
const patience = 30 * time.Second

// drive runs a command on a terminal, for at most so long, and wants that neither
// stdout nor stderr acts on it.
func drive(t *testing.T, within time.Duration, environment []string, args ...string) invocation {
	t.Helper()
	env := map[string]string{"NO_COLOR": "1", "TERM": "xterm", "XDG_CONFIG_HOME": "none"}
	for _, e := range environment {
		name, value, _ := strings.Cut(e, "=")
		env[name] = value
	}
	var out, err bytes.Buffer
	s := (&streams{
		in: strings.NewReader(""), out: &out, err: &err, outTerminal: true,
		getenv: func(name string) string { return env[name] }, now: time.Now, width: func() int { return 200 },
	}).gated()
	ctx, stop := context.WithTimeoutCause(t.Context(), within, signalError{os.Interrupt})
	defer stop()
	code := exitCode(ctx, execute(ctx, args, s), s.err)
	got := invocation{out.String(), err.String(), code}
	lines := slices.Contains(args, "raw") || slices.Contains(args, "csv") || slices.Contains(args, "--format") // of values stay
	wantHarmless(t, fmt.Sprintf("%q: stdout", args), got.stdout, lines)
	wantHarmless(t, fmt.Sprintf("%q: stderr", args), got.stderr, false)
	return got
}

func wantHarmless(t *testing.T, what, text string, lines bool) {
	t.Helper()
	for line := range strings.SplitSeq(text, "\n") {
		bad := !lines && strings.HasPrefix(line, forged) || !utf8.ValidString(line)
		for _, r := range line {
			bad = bad || r != '\t' && termsafe.Hidden(r)
		}
		if bad {
			t.Errorf("%s has the line\n%q", what, line)
			return
		}
	}
}

// shows wants that the hostile name came as far as the output.
func (i invocation) shows(t *testing.T, args ...string) {
	t.Helper()
	if !strings.Contains(i.stdout+i.stderr, forged) {
		t.Errorf("%q does not show the name: %d\n%s%s", args, i.code, i.stdout, i.stderr)
	}
}

// hostileText is hostile as text, in UTF-8.
func hostileText() string { return strings.ToValidUTF8(hostile, "") }

// jsonWithRawControls is an object whose names and values are hostile, with C1 and bidi
// controls as they are, which is valid JSON.
func jsonWithRawControls() []byte {
	text, _ := json.Marshal(map[string]string{hostileText(): hostileText()}) // strings can be written
	return text
}

// hostileTopics creates hostile topics with records and a group that has read them.
func hostileTopics(t *testing.T, addr string) (topic, group string) {
	t.Helper()
	topic, group = "t-"+hostile, "g-"+hostile
	client := kafkatest.Client(t, []string{addr}, kgo.ClientID("c-"+hostile), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.InstanceID("i-"+hostile))
	for _, name := range []string{topic, "t2-" + hostile, "t2-" + hostile + ".dlq"} {
		if _, err := kadm.NewClient(client).CreateTopic(t.Context(), 1, 1, nil, name); err != nil {
			t.Fatal(err)
		}
	}
	header := kgo.RecordHeader{Key: hostile, Value: []byte(hostile)}
	if err := client.ProduceSync(t.Context(),
		&kgo.Record{Topic: topic, Key: []byte(hostile), Value: []byte(hostile), Headers: []kgo.RecordHeader{header}},
		&kgo.Record{Topic: topic, Key: []byte(hostileText()), Value: []byte(hostileText())},
		&kgo.Record{Topic: topic, Key: jsonWithRawControls(), Value: jsonWithRawControls()},
		&kgo.Record{Topic: topic, Value: []byte("<a b='" + hostileText() + "'>" + hostileText() + "</a>")},
		&kgo.Record{Topic: topic}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if client.PollFetches(t.Context()).NumRecords() == 0 || client.CommitUncommittedOffsets(t.Context()) != nil {
		t.Fatal("the group has read nothing")
	}
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, 0, 1, -1)
	if err := kadm.NewClient(client).CommitAllOffsets(t.Context(), "idle-"+hostile, offsets); err != nil {
		t.Fatal(err)
	}
	return topic, group
}

// TestHostileCluster runs the commands that list what a cluster has, with hostile names
// in all of it.
func TestHostileCluster(t *testing.T) {
	addr := hostileBroker(t, nil)
	topic, group := hostileTopics(t, addr)
	near, nearGroup := topic[:len(topic)-2], group[:len(group)-2]
	for _, args := range [][]string{
		{"topics", "list"}, {"topics", "list", "-o", "json"}, {"topics", "list", "--count"}, {"topics", "list", near},
		{"topics", "describe", topic}, {"topics", "describe", topic, "-o", "json"}, {"topics", "describe", near}, {"topics", "describe", "nosuch*" + hostile},
		{"topics", "create", "new" + hostile, "--dry-run"}, {"topics", "create", "new" + hostile},
		{"topics", "alter", topic, "--set", hostile + "=1"}, {"topics", "alter", topic, "--set", "retention.ms=" + hostile}, {"topics", "alter", topic, "--set", "retention.ms=5", "--dry-run"},
		{"topics", "alter", topic, "--partitions", "1"}, {"topics", "delete", "t*", "--dry-run"}, {"topics", "delete", topic},
		{"groups", "list"}, {"groups", "list", "-o", "json"}, {"groups", "describe", group}, {"groups", "describe", group, "-o", "json"}, {"groups", "describe", nearGroup},
		{"groups", "lag", group}, {"groups", "lag", group, "-o", "json"}, {"groups", "lag", nearGroup},
		{"groups", "reset", group, "--to", "start", "--dry-run"}, {"groups", "reset", group, "--to", "start", "--yes"}, {"groups", "reset", group, "--to", "start", "--topic", near},
		{"groups", "delete", group, "--dry-run"}, {"groups", "delete", group, "--yes"}, {"groups", "delete", nearGroup, "--yes"},
		{"brokers"}, {"brokers", "-o", "json"}, {"tail", near}, {"tail", topic, "--group", group, "--until", "end"}, {"tail", topic, "--group", "x" + hostile, "--until", "end"},
		{"tail", topic + "/0@99"}, {"tail", topic + "/7@0"}, {"tail", topic, "--offset", "99", "--until", "end"}, {"tail", topic, "--partition", "9"},
		{"tail", topic, "--filter", ".a == " + hostile}, {"tail", topic, "--filter", "$" + hostileText()}, {"tail", topic, "--filter", `.["` + hostileText() + `"] = 1`, "--until", "end"},
		{"tail", topic, "--grep", "(" + hostile}, {"tail", topic, "--key", hostile, "--key-as", "int"}, {"tail", topic, "--fail-on", "true", "--until", "end"},
		{"dlq", "list", "t2-" + hostile}, {"dlq", "show", topic + "/0@0"},
		{"produce", "--topic", near}, {"produce", "--topic", topic}, {"produce", "--topic", topic, "-H", hostile},
		{"groups", "lag", "--app-id", "a" + hostile}, {"reset", "--app-id", "a" + hostile, "--yes"}, {"process", "--app-id", "a" + hostile, "--drain"},
	} {
		drive(t, patience, []string{"INV_BROKERS=" + addr}, args...).shows(t, args...)
	}
}

// TestHostileRecords shows hostile records in each form.
func TestHostileRecords(t *testing.T) {
	addr := hostileBroker(t, nil)
	topic, _ := hostileTopics(t, addr)
	for _, form := range [][]string{
		nil, {"--wide", "--show-headers"}, {"-o", "json"}, {"-o", "json", "--json-pretty"}, {"-o", "yaml"}, {"-o", "csv"}, {"--latest"}, {"--highlight", "FORGED"},
		{"--key-as", "string", "--value-as", "string"}, {"--key-as", "json", "--value-as", "xml"}, {"-o", "raw"}, {"--format", `%t %k %v %h{%k=%v}\n`},
	} {
		args := append([]string{"tail", topic, "--until", "end"}, form...)
		got := drive(t, patience, []string{"INV_BROKERS=" + addr}, args...)
		got.shows(t, args...)
		if got.code != 0 {
			t.Errorf("%q: %d, %s", args, got.code, got.stderr)
		}
	}
}

// TestHostileRefusals lets the cluster refuse with hostile messages, a kind of request
// at a time.
func TestHostileRefusals(t *testing.T) {
	var refused atomic.Int32
	refused.Store(-1)
	addr := hostileBroker(t, func(key int16) bool { return int32(key) == refused.Load() })
	topic, group := hostileTopics(t, addr)
	for _, c := range []struct {
		key  kmsg.Key
		args []string
	}{
		{kmsg.CreateTopics, []string{"topics", "create", "orders"}},
		{kmsg.CreateTopics, []string{"process", "--drain"}},
		{kmsg.IncrementalAlterConfigs, []string{"topics", "alter", topic, "--set", "retention.ms=5"}},
		{kmsg.CreatePartitions, []string{"topics", "alter", topic, "--partitions", "2"}},
		{kmsg.ListOffsets, []string{"topics", "describe", topic}},
		{kmsg.ListOffsets, []string{"tail", topic, "--until", "end"}},
		{kmsg.ListGroups, []string{"groups", "list"}},
		{kmsg.DescribeGroups, []string{"groups", "describe", group}},
		{kmsg.OffsetFetch, []string{"groups", "lag", group}},
		{kmsg.OffsetCommit, []string{"groups", "reset", "idle-" + hostile, "--to", "start", "--yes"}},
		{kmsg.DeleteGroups, []string{"groups", "delete", "idle-" + hostile, "--yes"}},
		{kmsg.Metadata, []string{"topics", "list"}},
		{kmsg.Fetch, []string{"tail", topic, "--until", "end"}},
		{kmsg.Produce, []string{"produce", "orders", "--count", "1"}},
		{kmsg.DeleteTopics, []string{"topics", "delete", topic, "--yes"}},
		{kmsg.FindCoordinator, []string{"groups", "describe", group}},
	} {
		refused.Store(int32(c.key))
		within := patience
		if c.args[0] == "tail" { // which tries again
			within = time.Second
		}
		got := drive(t, within, []string{"INV_BROKERS=" + addr}, c.args...)
		if c.args[0] != "tail" && got.code != exitFailed {
			t.Errorf("%s %q: %d %s%s", c.key.Name(), c.args, got.code, got.stdout, got.stderr)
		}
	}
}

// TestHostileCompletions wants that a shell is only offered what it can show.
func TestHostileCompletions(t *testing.T) {
	addr := hostileBroker(t, nil)
	hostileTopics(t, addr)
	env := []string{"INV_BROKERS=" + addr}
	for _, args := range [][]string{{"tail", ""}, {"topics", "describe", ""}, {"groups", "describe", ""}, {"tail", "x", "--group", ""}, {"produce", "--topic", ""}} {
		got := drive(t, patience, env, append([]string{"__complete"}, args...)...)
		for line := range strings.Lines(got.stdout) {
			if strings.HasPrefix(line, "t-") || strings.HasPrefix(line, "t2-") || strings.HasPrefix(line, "g-") {
				t.Errorf("%q offers what can't be typed: %q", args, line)
			}
		}
	}
}

// TestHostileInventory processes hostile products and orders, and shows what came of it.
func TestHostileInventory(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	env := []string{"INV_BROKERS=" + brokers[0]}
	drive(t, patience, env, "topics", "create")
	name := hostileText()
	product := map[string]any{"id": name, "name": name, "category": name, "warehouse_id": name, "price": 1.5, "initial_stock": 3, "reorder_threshold": 5, "critical_threshold": 3, "reorder_quantity": 25}
	order := map[string]any{"order_id": name, "customer_id": name, "timestamp": 1795394253388, "order_total": 3, "items": []any{map[string]any{"product_id": name, "quantity": 2, "unit_price": 1.5}}}
	unknown := map[string]any{"order_id": "u" + name, "customer_id": name, "timestamp": 1795394253388, "order_total": 3, "items": []any{map[string]any{"product_id": "u" + name, "quantity": 2, "unit_price": 1.5}}}
	wrong := map[string]any{name: name, "order_id": name, "items": name}
	record := func(topic, key string, value any) *kgo.Record {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		return &kgo.Record{Topic: topic, Key: []byte(key), Value: text, Headers: []kgo.RecordHeader{{Key: "ce_source", Value: []byte(hostile)}}}
	}
	client := kafkatest.Client(t, brokers)
	if err := client.ProduceSync(t.Context(), record("product_catalog", name, product), record("order_events", name, order), record("order_events", "u"+name, unknown),
		record("order_events", name, wrong), &kgo.Record{Topic: "order_events", Key: []byte(hostile), Value: []byte(hostile)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if got := drive(t, patience, env, "process", "--drain"); got.code != 0 || !strings.Contains(got.stderr, "dead-lettered") {
		t.Errorf("%d %s", got.code, got.stderr)
	}
	if err := client.ProduceSync(t.Context(), record("inventory_updates", name, product), record("inventory_alerts", name, map[string]any{"message": name, "alert_type": name, "product_id": name, "product_name": name})).FirstErr(); err != nil {
		t.Fatal(err)
	}
	drive(t, patience, env, "process", "--drain", "--log-format", "json")
	for _, args := range [][]string{
		{"tail", "*", "--until", "end", "-n", "100"}, {"tail", "orders", "updates", "alerts", "reorders", "--until", "end", "--wide", "--show-headers"}, {"tail", "updates", "--until", "end", "-o", "json"},
		{"dlq", "list"}, {"dlq", "list", "-o", "json"}, {"verify"}, {"verify", "-o", "json"}, {"dashboard", "--once"}, {"dashboard", "--once", "-o", "json"},
	} {
		drive(t, patience, env, args...).shows(t, args...)
	}
	for i := range 6 {
		for _, form := range []string{"text", "json", "raw"} {
			drive(t, patience, env, "dlq", "show", fmt.Sprintf("order_events.dlq/%d@0", i), "-o", form)
		}
	}
}

// A line of JSON on a terminal is an equal one, and any other is text.
func TestRecordLines(t *testing.T) {
	var b bytes.Buffer
	value := jsonWithRawControls()
	if n, err := (recordLines{&b}).Write([]byte(string(value) + "\n" + hostile + "\n\n")); err != nil || n != len(value)+len(hostile)+3 {
		t.Errorf("%d, %v", n, err)
	}
	wantHarmless(t, "stdout", b.String(), true)
	line, _, _ := strings.Cut(b.String(), "\n")
	var want, got map[string]string
	if json.Unmarshal(value, &want) != nil || json.Unmarshal([]byte(line), &got) != nil || !maps.Equal(want, got) {
		t.Errorf("%q became %q", value, line)
	}
}
