package dashboard_test

import (
	"fmt"
	"testing"
	"time"

	"inv/inspect"
	"inv/inspect/dashboard"
	"inv/internal/kafka"
	"inv/internal/kafkatest"
	"inv/internal/scenario"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The page has a panel for a declared topology once its topic exists, without knowing
// anything about it but what the scenario says.
func TestPanelOfATopology(t *testing.T) {
	t.Parallel()
	w := newWorld(t, kafkatest.Embedded(t), 10, 50)
	view, err := inspect.CompileView("f.yaml", "alerts", &scenario.View{
		Critical: scenario.Condition{Source: `.decision == "hold"`},
		Columns:  []scenario.Column{{Show: "{customer}"}, {Show: "{decision}"}, {Show: "{total} total"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	fraud, pricing := kafkatest.Name(t, "fraud"), kafkatest.Name(t, "prices")
	w.topics.Outputs = []dashboard.Output{
		{Topology: "fraud", About: "Orders to review or to hold", Topic: fraud, Label: "fraud-alerts", View: view},
		{Topology: "pricing", Topic: pricing, Label: "price-changes"},
	}
	ensure := func(topic string) {
		if _, err := kafka.EnsureTopics(t.Context(), w.client, kafka.TopicSpec{Name: topic, Partitions: 2}); err != nil {
			t.Fatal(err)
		}
	}
	alert := func(customer, decision string, at time.Time) *kgo.Record {
		value := fmt.Sprintf(`{"customer":%q,"decision":%q,"total":912.50}`, customer, decision)
		return &kgo.Record{Topic: fraud, Key: []byte(customer), Value: []byte(value), Timestamp: at}
	}
	ensure(fraud)
	var records []*kgo.Record
	for i := range 40 {
		records = append(records, alert(fmt.Sprint("cust-", i), []string{"review", "hold"}[i%2], time.Now().Add(time.Duration(i-40)*time.Minute)))
	}
	w.write(records...)
	w.run()
	w.loaded()
	b := browse(t, w.url)
	b.screen(1440, 1000, "light", false)
	b.open("")
	const panels = `document.querySelectorAll("#topologies .topology")`
	b.until(panels + `.length === 1 && ` + panels + `[0].querySelector("h2").textContent === "fraud"`)
	b.until(panels + `[0].querySelectorAll("li:not([hidden]) b").length === 12`)
	b.until(panels + `[0].querySelector("li").textContent.includes("hold · 912.50 total")`)
	b.until(panels + `[0].querySelector("li span").dataset.s === "critical"`)
	b.until(panels + `[0].querySelector(".panel-head p").textContent === "40 in 1 h"`)

	w.write(alert(`<script>document.title="owned"</script>`, "hold", time.Now()))
	b.until(panels + `[0].querySelector("li b").textContent.startsWith("<script>")`)
	b.until(panels + `[0].querySelector(".panel-head p").textContent === "41 in 1 h"`)
	b.until(`document.title === "Inventory"`)

	ensure(pricing)
	b.until(panels + `.length === 2 && ` + panels + `[1].textContent.includes("No records yet")`)
	w.write(&kgo.Record{Topic: pricing, Key: []byte("prod-1"), Value: []byte(`{"new_price":9.99}`)})
	b.until(panels + `[1].querySelector("li").textContent.includes("prod-1")`)
	b.snapAll("topologies")
	b.screen(390, 844, "dark", true)
	b.open("")
	b.until(panels + `.length === 2`)
	b.snapAll("topologies-phone")
}
