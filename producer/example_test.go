package producer_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"inv/internal/scenario"
	"inv/producer"
)

func Example() {
	sc, err := scenario.Parse("visits.yaml", []byte(`
scenario: visits
topics:
  pages: {topic: pages}
  visits: {topic: visits, partitions: 3}
producers:
  pages:
    topic: pages
    key: path
    rows:
      - {path: /home, cost: 0.10}
      - {path: /cart, cost: 0.25}
  visits:
    topic: visits
    key: id
    value:
      id: {sequence: "visit-{n:04}"}
      page: {ref: pages.path}
      cost: {ref: pages.cost}
      seconds: {int: [1, 60]}
      at: {time: now, format: rfc3339}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, err := producer.Compile(sc, producer.CompileOptions{Names: []string{"visits"}, Seed: 7})
	if err != nil {
		fmt.Println(err)
		return
	}
	sink := producer.NewWriterSink(os.Stdout, false)
	start := time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)
	summary, err := producer.Run(context.Background(), plan, producer.Options{Count: 3, Start: start}, sink)
	fmt.Println(summary.Acknowledged, err)
	// Output:
	// {"id":"visit-0001","page":"/home","cost":0.10,"seconds":52,"at":"2026-01-01T09:00:00.000Z"}
	// {"id":"visit-0002","page":"/home","cost":0.10,"seconds":34,"at":"2026-01-01T09:00:01.000Z"}
	// {"id":"visit-0003","page":"/home","cost":0.10,"seconds":37,"at":"2026-01-01T09:00:02.000Z"}
	// 3 <nil>
}
