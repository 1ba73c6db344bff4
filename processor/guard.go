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

// refuseForgottenInputs looks whether the ingest group has lost all its offsets,
// as a week without a member or a deleted group does, though the log has what it
// decided: it would begin with the first order again and count each twice. At
// least once does that anyway.
func (a *application) refuseForgottenInputs(ctx context.Context) error {
	if a.cfg.Guarantee != ExactlyOnce {
		return nil
	}
	decided := false
	for p := range int32(a.counts[a.topics.log]) {
		start, err := a.reader.LogStart(ctx, a.topics.log, p)
		if err != nil {
			return err
		}
		end, err := a.reader.StableEnd(ctx, a.topics.log, p)
		if err != nil {
			return err
		}
		decided = decided || end > start
	}
	if !decided {
		return nil
	}
	client, err := a.adminClient()
	if err != nil {
		return err
	}
	defer client.Close()
	group := a.cfg.group(ingestStage)
	for {
		offsets, err := kadm.NewClient(client).FetchOffsets(kadm.RequireStable(ctx), group)
		if err == nil {
			err = offsets.Error()
		}
		switch {
		case err == nil && len(offsets.Offsets()) > 0:
			return nil
		case err == nil, errors.Is(err, kerr.GroupIDNotFound):
			return fmt.Errorf("the group %s has no offsets, though %s has what it decided: they expired or were removed, and every order would count twice; inv reset --app-id starts over from the inputs",
				group, a.topics.log)
		case !kerr.IsRetriable(err):
			return fmt.Errorf("asking for the offsets of %s: %w", group, err)
		}
		if err := sleep(ctx, watchEvery/10); err != nil {
			return err
		}
	}
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
	for name := range a.counts {
		names = append(names, name)
	}
	first := map[string]kadm.TopicID{}
	missing := map[string]int{}
	for {
		topics, err := admin.ListTopics(ctx, names...)
		if err == nil {
			for _, name := range names {
				if err := compareTopic(topics[name], name, first, missing); err != nil {
					return err
				}
			}
		}
		if err := sleep(ctx, watchEvery); err != nil {
			return err
		}
	}
}

func compareTopic(d kadm.TopicDetail, name string, first map[string]kadm.TopicID, missing map[string]int) error {
	if d.Topic == "" || errors.Is(d.Err, kerr.UnknownTopicOrPartition) {
		if missing[name]++; missing[name] > 2 {
			return fmt.Errorf("topic %s was deleted while it was in use; inv reset --app-id starts over", name)
		}
		return nil
	}
	missing[name] = 0
	if d.Err != nil {
		return nil
	}
	if id, ok := first[name]; ok && id != d.ID {
		return fmt.Errorf("topic %s was deleted and made anew while it was in use; inv reset --app-id starts over", name)
	}
	first[name] = d.ID
	return nil
}
