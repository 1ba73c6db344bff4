package admin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"inv/internal/kafka"
	"inv/internal/kafka/acl"

	"github.com/twmb/franz-go/pkg/kadm"
)

// Change is a change of topics.
type Change struct {
	Set        map[string]string // settings by Kafka's property name
	Unset      []string          // settings that get the cluster's default again
	Partitions int               // more than before; 0: as many
}

// CheckAlter reports whether the cluster would make the change, without making it.
func (c *Client) CheckAlter(ctx context.Context, change Change, topics ...string) error {
	return change.send(ctx, topics, c.admin.ValidateAlterTopicConfigs, c.admin.ValidateUpdatePartitions)
}

// Alter changes topics. What the cluster refuses for one of them it does to none.
func (c *Client) Alter(ctx context.Context, change Change, topics ...string) error {
	if err := c.CheckAlter(ctx, change, topics...); err != nil {
		return err
	}
	if err := change.send(ctx, topics, c.admin.AlterTopicConfigs, c.admin.UpdatePartitions); err != nil {
		return err
	}
	if change.Partitions == 0 {
		return nil
	}
	return kafka.AwaitPartitions(ctx, c.client, change.Partitions, topics...)
}

// send makes the two requests of a change, or has them checked.
func (change *Change) send(ctx context.Context, topics []string,
	settings func(context.Context, []kadm.AlterConfig, ...string) (kadm.AlterConfigsResponses, error),
	partitions func(context.Context, int, ...string) (kadm.CreatePartitionsResponses, error),
) error {
	var configs []kadm.AlterConfig
	for _, name := range slices.Sorted(maps.Keys(change.Set)) {
		configs = append(configs, kadm.AlterConfig{Op: kadm.SetConfig, Name: name, Value: new(change.Set[name])})
	}
	for _, name := range change.Unset {
		configs = append(configs, kadm.AlterConfig{Op: kadm.DeleteConfig, Name: name})
	}
	if len(configs) > 0 {
		responses, err := settings(ctx, configs, topics...)
		for _, r := range responses {
			err = errors.Join(err, wrap(r.Name, r.Err, r.ErrMessage, acl.AlterConfigs))
		}
		if err != nil {
			return err
		}
	}
	if change.Partitions == 0 {
		return nil
	}
	responses, err := partitions(ctx, change.Partitions, topics...)
	for _, r := range responses.Sorted() {
		err = errors.Join(err, wrap(r.Topic, r.Err, r.ErrMessage, acl.Alter))
	}
	return err
}

func wrap(topic string, err error, message string, operation acl.Operation) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("altering topic %s: %w", topic, acl.Check(kafka.WithMessage(err, message), operation, acl.Topic(topic)))
}
