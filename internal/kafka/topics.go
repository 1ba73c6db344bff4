package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TopicSpec is a topic as it should be created.
type TopicSpec struct {
	Name       string
	Partitions int
	// Configs are the topic's own settings by Kafka's property name.
	Configs map[string]string
	// Exact refuses an existing topic with another number of partitions.
	Exact bool
}

// EnsureTopics creates the topics that are missing and returns their names.
// Concurrent calls from several processes are fine: the topic that another one
// has just made counts as existing.
func EnsureTopics(ctx context.Context, client *kgo.Client, specs ...TopicSpec) (created []string, err error) {
	admin := kadm.NewClient(client)
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = s.Name
	}
	existing, err := admin.ListTopics(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("listing topics: %w", err)
	}
	for _, s := range specs {
		detail, ok := existing[s.Name]
		if ok && detail.Err == nil {
			if s.Exact && len(detail.Partitions) != s.Partitions {
				return created, fmt.Errorf("topic %s has %d partitions and must have %d; delete it, or use another --app-id",
					s.Name, len(detail.Partitions), s.Partitions)
			}
			continue
		}
		made, err := createTopic(ctx, admin, s)
		if err != nil {
			return created, err
		}
		if made {
			created = append(created, s.Name)
		}
	}
	return created, nil
}

func createTopic(ctx context.Context, admin *kadm.Client, s TopicSpec) (made bool, err error) {
	configs := make(map[string]*string, len(s.Configs))
	for k, v := range s.Configs {
		configs[k] = &v
	}
	resp, err := admin.CreateTopic(ctx, int32(s.Partitions), -1, configs, s.Name)
	if err == nil {
		err = resp.Err
	}
	switch {
	case errors.Is(err, kerr.TopicAlreadyExists):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("creating topic %s with %s partitions: %w", s.Name, strconv.Itoa(s.Partitions), err)
	}
	return true, nil
}
