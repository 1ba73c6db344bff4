package broker

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// retainEvery is how often old records are deleted, as in Apache Kafka
// (log.retention.check.interval.ms). kfake's own clock would compact with it.
const retainEvery = 5 * time.Minute

// keeper deletes the records that topics don't retain any longer.
type keeper struct {
	cluster *kfake.Cluster
	client  *kgo.Client
	log     func(string)
}

func (k *keeper) work(ctx context.Context) {
	tick := time.NewTicker(retainEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			k.round(ctx)
		}
	}
}

// round applies the topics' retention.ms and retention.bytes. kfake does that to all
// topics at once, even to those that are only compacted, of which Apache Kafka deletes
// nothing. So nothing is deleted while there is such a one.
func (k *keeper) round(ctx context.Context) {
	names, err := kadm.NewClient(k.client).ListTopics(ctx)
	if err != nil {
		return // the next round tries again
	}
	for _, name := range names.Names() {
		topic := k.cluster.TopicInfo(name)
		if topic == nil || !compacted(topic) || deleted(topic) {
			continue
		}
		for _, key := range []string{"retention.ms", "retention.bytes"} {
			if value, ok := setting(topic, key); ok && value != "-1" {
				k.log(fmt.Sprintf("deleting no old records of any topic while topic %s is compacted and has %s=%s", name, key, value))
				return
			}
		}
	}
	k.cluster.ApplyRetention()
}
