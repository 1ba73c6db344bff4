package declared_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"inv/internal/kafkatest"
	"inv/internal/registry"

	"github.com/twmb/franz-go/pkg/kgo"
)

const described = `
scenario: t
topologies:
  sizes:
    from:
      orders: {join: {c: {table: customers, key: .customer}}, key: .customer, set: {sum: ($s.sum // 0) + .total}}
    ttl: forever
    emit: [{to: out, fields: {customer: $key, name: $c.name, sum: $s.sum}}]
  copies:
    from: {orders: {}}
    emit: [{to: plain}]
topics:
  orders: {topic: orders, partitions: 1}
  customers: {topic: customers, partitions: 1, cleanup: compact}
  out: {topic: out, partitions: 1}
  plain: {topic: plain, partitions: 1}
`

// schemas is a registry: 1 is an order and 2 a customer, in Avro.
func schemas(t *testing.T) *registry.Topics {
	fields := map[string]string{
		"/schemas/ids/1": `{"name":"customer","type":"string"},{"name":"total","type":"long"}`,
		"/schemas/ids/2": `{"name":"name","type":"string"}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
		if f := fields[r.URL.Path]; f != "" {
			fmt.Fprintf(w, `{"schema":%q}`, `{"type":"record","name":"r","fields":[`+f+`]}`)
			return
		}
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"error_code":40403,"message":"Schema not found"}`)
	}))
	t.Cleanup(server.Close)
	client, err := registry.NewClient(server.URL, "", "")
	if err != nil {
		t.Fatal(err)
	}
	topics, err := registry.Open(t.Context(), client, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return topics
}

// Inputs and tables that a registry describes are read as JSON; what it can't decode is
// dead-lettered as it is.
func TestValuesOfARegistry(t *testing.T) {
	r := newRig(t, kafkatest.Embedded(t), described)
	r.put("customers", "anna", "\x00\x00\x00\x00\x02\x08Anna")
	const broken = "\x00\x00\x00\x00\x01\x40anna"
	r.put("orders", "1", "\x00\x00\x00\x00\x01\x08anna\x0a")
	r.put("orders", "2", `{"customer":"anna","total":3}`)
	r.put("orders", "3", broken)
	r.write(&kgo.Record{Topic: r.topic("orders"), Key: []byte("4"), Value: []byte("\x08anna\x02"),
		Headers: []kgo.RecordHeader{{Key: "__value_schema_id", Value: []byte("\x00\x00\x00\x00\x01")}}})
	cfg := r.config()
	cfg.Drain, cfg.Schemas = true, schemas(t)
	if _, err := r.run(cfg); err != nil {
		t.Fatal(err)
	}
	for alias, want := range map[string]string{
		"out":   `{"customer":"anna","name":"Anna","sum":5} {"customer":"anna","name":"Anna","sum":8} {"customer":"anna","name":"Anna","sum":9}`,
		"plain": `{"customer":"anna","total":5} {"customer":"anna","total":3} {"customer":"anna","total":1}`,
	} {
		var got []string
		for _, record := range r.read(r.topic(alias)) {
			got = append(got, string(record.Value))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s has\n%s\nwant\n%s", alias, strings.Join(got, " "), want)
		}
	}
	letters := r.read(r.topic("orders") + ".dlq")
	if len(letters) != 2 || string(letters[0].Value) != broken || string(letters[1].Value) != broken {
		t.Errorf("%d letters", len(letters))
	}
	for _, letter := range letters {
		reason := ""
		for _, h := range letter.Headers {
			if strings.HasSuffix(h.Key, "reason") {
				reason = string(h.Value)
			}
		}
		if reason != "not-json" {
			t.Errorf("the reason is %q, headers %q", reason, letter.Headers)
		}
	}
}
