package event

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestCause(t *testing.T) {
	for _, s := range []string{"order_events/3@1841#0", "a.b-c_d/0@0#2147483647", "t/2147483647@9223372036854775807#1"} {
		c, err := ParseCause(s)
		if err != nil || c.String() != s {
			t.Errorf("%s: %+v, %v", s, c, err)
		}
	}
	for _, s := range []string{"", "t", "/3@1#0", "t/@1#0", "t/3@#0", "t/3@1#", "t/3@1", "t/03@1#0", "t/3@+1#0", "t/-3@1#0",
		"t/3@1#0 ", "t/2147483648@1#0", "t/3@9223372036854775808#0", "t/3@1#2147483648", "t/3@1#0#0"} {
		if c, err := ParseCause(s); err == nil {
			t.Errorf("%q was read as %+v", s, c)
		}
	}
}

func TestPlace(t *testing.T) {
	p, err := ParsePlace("order_events.dlq/3@17")
	if err != nil || p != (Place{"order_events.dlq", 3, 17}) || p.String() != "order_events.dlq/3@17" {
		t.Errorf("%+v, %v", p, err)
	}
	for _, s := range []string{"", "t/3", "t/3@1#0", "t/x@1"} {
		if p, err := ParsePlace(s); err == nil {
			t.Errorf("%q was read as %+v", s, p)
		}
	}
}

func TestHeaders(t *testing.T) {
	headers := AppendHeaders(nil, Envelope{Type: TypeOrder, Source: "inv/inventory/orders", ID: "order-1", Time: 1625097600123})
	want := []string{"ce_specversion=1.0", "ce_type=inventory.order.v1", "ce_source=inv/inventory/orders", "ce_id=order-1",
		"ce_time=2021-07-01T00:00:00.123Z", "content-type=application/json"}
	for i, h := range headers {
		if got := h.Key + "=" + string(h.Value); i >= len(want) || got != want[i] {
			t.Errorf("header %d is %s", i, got)
		}
	}
	if len(headers) != len(want) {
		t.Errorf("%d headers, want %d", len(headers), len(want))
	}
}

func TestVersions(t *testing.T) {
	for _, c := range []struct {
		ceType string
		major  int
		ok     bool
	}{
		{"inventory.order.v1", 1, true}, {"inventory.order.v2", 2, true}, {"inventory.order.v1.7", 1, true}, {"v3", 3, true},
		{"inventory.order", 0, false}, {"inventory.order.v", 0, false}, {"inventory.order.vx", 0, false}, {"", 0, false},
		{"inventory.v1.order", 0, false}, {"inventory.order.7", 0, false}, {"a.v99999999999999999999", -1, true},
	} {
		if major, ok := ParseVersion(c.ceType); major != c.major || ok != c.ok {
			t.Errorf("%s: %d, %v", c.ceType, major, ok)
		}
	}
	header := func(v string) []kgo.RecordHeader { return []kgo.RecordHeader{{Key: HeaderType, Value: []byte(v)}} }
	for _, good := range [][]kgo.RecordHeader{nil, header("inventory.order.v1"), header("order"), header("inventory.order.v1.2")} {
		if err := CheckVersion(good); err != nil {
			t.Errorf("%v: %v", good, err)
		}
	}
	if got := reasonOf(t, CheckVersion(header("inventory.order.v2\x1b[31m"))); got != "" {
		t.Errorf("a type that ends in no version is %s", got)
	}
	if got := reasonOf(t, CheckVersion(header("\x1b[31m.v2"))); got != UnknownVersion {
		t.Errorf("version 2 is %q", got)
	}
}

// An envelope's id would be taken for that of what it holds.
func TestStructuredModeIsRefused(t *testing.T) {
	header := func(v string) []kgo.RecordHeader {
		return []kgo.RecordHeader{{Key: HeaderContentType, Value: []byte(v)}}
	}
	for contentType, want := range map[string]Reason{
		"application/cloudevents+json": StructuredMode, "application/cloudevents+json; charset=UTF-8": StructuredMode,
		"Application/CloudEvents-batch+JSON": StructuredMode, "application/json": "", "application/cloud": "", "": "",
	} {
		if got := reasonOf(t, CheckVersion(header(contentType))); got != want {
			t.Errorf("%q: %q, want %q", contentType, got, want)
		}
	}
}

func TestTombstonesOfWhatCanBeAProduct(t *testing.T) {
	for key, want := range map[string]Reason{
		"a": "", "é": "", "\ufffd": "", "": MissingID, "a\xff": NotUnicode, "\xed\xa0\x80": NotUnicode,
		strings.Repeat("a", MaxID): "", strings.Repeat("a", MaxID+1): TooLarge,
	} {
		if got := reasonOf(t, CheckTombstone([]byte(key))); got != want {
			t.Errorf("%.20q: %q, want %q", key, got, want)
		}
	}
}
