package verify

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"inv/internal/event"
	"inv/internal/registry"
	"inv/internal/registry/registrytest"

	"github.com/twmb/franz-go/pkg/kgo"
)

// encoder encodes histories by the schemas of a registry.
type encoder struct {
	t      *testing.T
	topics *registry.Topics
}

func newEncoder(t *testing.T, form registry.Form) *encoder {
	t.Helper()
	compile := func(s registry.Source) *registry.Format {
		sch, err := registry.Compile(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		return &registry.Format{Schema: sch, Register: true}
	}
	var formats []registry.TopicFormat
	o := testOptions().Topics
	for topic, kind := range map[string]string{
		o.Catalog: event.KindProduct, o.Orders: event.KindOrder, o.Receipts: event.KindReceipt,
		o.Updates: event.KindUpdate, o.Reorders: event.KindReorder, o.Alerts: event.KindAlert,
	} {
		of, ok := event.Shape(kind)
		if !ok {
			t.Fatalf("%s has no shape", kind)
		}
		source, misfits := registry.Derive(form, kind, "test", of)
		if len(misfits) > 0 {
			t.Fatal(misfits)
		}
		formats = append(formats, registry.TopicFormat{Topic: topic, Value: compile(source), Writes: true})
	}
	topics, err := registry.Open(t.Context(), registrytest.New(t).Client(), formats, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &encoder{t, topics}
}

// encode encodes the values of a history, but those that don't fit their schemas: these
// stay. Keys stay, since partitions follow from their bytes.
func (e *encoder) encode(h *history) {
	for topic, records := range h.records {
		of := strings.TrimSuffix(topic, deadLetters(""))
		values := e.topics.Writer(of, false)
		for i, r := range records {
			to := *r
			if values != nil && r.Value != nil {
				if value, err := values.Append(nil, r.Value); err == nil {
					to.Value = value
					to.Headers = withContentType(r.Headers, values.Schema.ContentType())
				}
			}
			records[i] = &to
		}
	}
}

func withContentType(headers []kgo.RecordHeader, value string) []kgo.RecordHeader {
	headers = slices.Clone(headers)
	for i := range headers {
		if headers[i].Key == event.HeaderContentType {
			headers[i].Value = []byte(value)
		}
	}
	return headers
}

// A right history holds in each form, whatever it is that happened; and what is wrong
// with an encoded one is found, see eachIsFound.
func TestEncodedHistoriesHold(t *testing.T) {
	for _, form := range []registry.Form{registry.Avro, registry.JSONSchema} {
		t.Run(string(form), func(t *testing.T) {
			e := newEncoder(t, form)
			o := testOptions()
			o.Schemas = e.topics
			for seed := range uint64(20) {
				h := newHistory(t, seed)
				randomHistory(h)
				e.encode(h)
				if r := h.audit(o, ""); r.Verdict != Holds {
					t.Fatalf("seed %d: %q\n%+v", seed, r.seen(), r.Findings)
				}
			}
		})
	}
}

// What can't be decoded must be dead-lettered as no JSON, and what is encoded in one place
// but not in its dead letter is another record.
func TestBrokenEncodedRecords(t *testing.T) {
	e := newEncoder(t, registry.Avro)
	o := testOptions()
	o.Schemas = e.topics
	for name, c := range map[string]wrongCase{
		"a broken order": {func(h *history) {
			h.refuse(h.put("orders", 0, "k", []byte("\x00\x00\x00\x00\x01broken")), event.NotJSON)
		}, nil},
		"a broken order is lost": {func(h *history) {
			h.put("orders", 0, "k", []byte("\x00\x00\x00\x00\x01broken"))
		}, []string{"4.input violated 1"}},
		"a broken update": {func(h *history) {
			updates := h.records["updates"]
			updates[len(updates)-1].Value = []byte("\x00\x00\x00\x00\x01broken")
		}, []string{"2.seq violated 1", "4.input violated 1"}},
		"a dead letter in JSON": {func(h *history) {
			r := h.put("orders", 0, "o9", []byte(`{"order_id":"o9","items":[]}`))
			h.refuse(r, event.NoItems)
			r.Value = bytes.Clone(r.Value)
			r.Value[2] = 'X'
		}, []string{"4.input violated 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := plain(t)
			e.encode(h)
			c.wrong(h)
			if got := h.audit(o, "").seen(); !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}
