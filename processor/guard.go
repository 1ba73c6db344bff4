package processor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"inv/internal/event"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// lookBack is how many offsets at a partition's end are looked at for the
// application that wrote them.
const lookBack = 20

// refuseOthersOutputs looks at what the ledger writes: two ledgers in one topic
// would give each product two stocks.
func (a *application) refuseOthersOutputs(ctx context.Context) error {
	topic := a.topics.updates
	for p := range int32(a.counts[topic]) {
		end, err := a.reader.StableEnd(ctx, topic, p)
		if err != nil {
			return err
		}
		var source string
		err = a.reader.Read(ctx, topic, p, max(end-lookBack, 0), end, func(r *kgo.Record) error {
			if v, ok := event.Header(r.Headers, event.HeaderSource); ok {
				source = string(v)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if source != "" && source != a.cfg.AppID {
			return fmt.Errorf("topic %s is written by the application %s; go on with --app-id %s, or give this one topics of its own in the scenario", topic, quoted(source), quoted(source))
		}
	}
	return nil
}

// watchEvery is how often the topics are looked for.
const watchEvery = time.Second

// watchTopics ends with an error when a topic in use is deleted or made anew:
// offsets would begin again, and equal causes would name other records. Clients
// wait for such a topic for ever.
func (a *application) watchTopics(ctx context.Context) error {
	client, err := a.adminClient()
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	var names []string
	for name := range a.ids {
		names = append(names, name)
	}
	missing := map[string]int{}
	for {
		topics, err := admin.ListTopics(ctx, names...)
		if err == nil {
			for _, name := range names {
				if err := a.compareTopic(topics[name], name, missing); err != nil {
					return err
				}
			}
		}
		if err := sleep(ctx, watchEvery); err != nil {
			return err
		}
	}
}

func (a *application) compareTopic(d kadm.TopicDetail, name string, missing map[string]int) error {
	if d.Topic == "" || errors.Is(d.Err, kerr.UnknownTopicOrPartition) {
		if missing[name]++; missing[name] > 2 {
			return fmt.Errorf("topic %s was deleted while it was in use; start over from the inputs with %s", name, a.reset())
		}
		return nil
	}
	missing[name] = 0
	if d.Err == nil && d.ID != a.ids[name] {
		return fmt.Errorf("topic %s was deleted and made anew while it was in use; start over from the inputs with %s", name, a.reset())
	}
	return nil
}
