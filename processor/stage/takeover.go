package stage

import (
	"context"
	"fmt"

	"inv/internal/kafka"
	"inv/internal/kafka/produce"
	"inv/internal/kafka/txn"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TakeOver fences the process that had this worker's transactional ids and aborts
// what it has left open. Each session begins with that; here it comes before there
// is one, since a request for the group's stable offsets would wait for the
// transaction timeout, and for the broker to look for such transactions, which it
// does every 10 s. It does nothing for ids that nobody can have had, and gives up
// after the time in which a transaction ends.
func (w *Worker) TakeOver(ctx context.Context) error {
	cfg := &w.cfg
	if !cfg.Stable || cfg.AtLeastOnce {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, endWithin)
	defer cancel()
	implicit, err := w.implicit(ctx)
	if err != nil {
		return err
	}
	client, err := kafka.New(cfg.Kafka, kgo.ClientID(cfg.TransactionalID), kgo.DisableClientMetrics(), txn.Versions(implicit))
	if err != nil {
		return fmt.Errorf("the %s stage: %w", cfg.Name, err)
	}
	defer client.Close()
	sender, turns, err := w.producers(client, implicit, nil)
	if err != nil {
		return err
	}
	defer sender.Close()
	return turns.Init(ctx)
}

// implicit asks the cluster which protocol its transactions have. That must be
// known before the client that speaks it is made.
func (w *Worker) implicit(ctx context.Context) (bool, error) {
	client, err := kafka.New(w.cfg.Kafka)
	if err != nil {
		return false, err
	}
	defer client.Close()
	implicit, err := txn.Implicit(ctx, client)
	if err != nil {
		return false, brokenError{err}
	}
	return implicit, nil
}

// producers makes this worker's producers, and what sends their batches, on a client.
func (w *Worker) producers(client *kgo.Client, implicit bool, hooks []kgo.Hook) (*produce.Sender, *txn.Turns, error) {
	cfg := w.transactions(implicit)
	sender, err := produce.New(client, produce.Options{BatchBytes: batchBytes, Window: windowBytes, MaxBatch: w.cfg.BatchBytes, Hooks: hooks, TransactionalID: cfg.ID})
	if err != nil {
		return nil, nil, fmt.Errorf("configuring the %s stage's producer: %w", w.cfg.Name, err)
	}
	return sender, txn.NewTurns(client, sender, cfg), nil
}

// transactions returns the configuration of this worker's producers.
func (w *Worker) transactions(implicit bool) txn.Config {
	cfg := &w.cfg
	c := txn.Config{Timeout: transactionTimeout, Group: cfg.Group, Outputs: cfg.Outputs, TopicIDs: cfg.TopicIDs, Implicit: implicit}
	if !cfg.AtLeastOnce {
		c.ID = cfg.TransactionalID
	}
	if cfg.Stable {
		c.Instance = &cfg.TransactionalID
	}
	return c
}
