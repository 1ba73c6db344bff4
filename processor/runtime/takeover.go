package runtime

import (
	"context"
	"fmt"

	"inv/internal/kafka"
	"inv/internal/send"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TakeOver fences the process that had this worker's transactional id and ends what
// it has left open. Each session begins with that; here it comes before there is
// one, since who asks the group for stable offsets would wait for the transaction
// timeout, and for the broker to look for such transactions, which it does every
// 10 s. It does nothing for an id that nobody can have had, and gives up after the
// time in which a transaction ends.
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
	client, err := kafka.New(cfg.Kafka, kgo.ClientID(cfg.TransactionalID), kgo.DisableClientMetrics(), versions(implicit))
	if err != nil {
		return fmt.Errorf("the %s stage: %w", cfg.Name, err)
	}
	defer client.Close()
	t := w.transactions(client, implicit)
	if t.sender, err = send.New(client, send.Options{TransactionalID: t.id}); err != nil {
		return fmt.Errorf("configuring the %s stage's producer: %w", cfg.Name, err)
	}
	defer t.sender.Close()
	return t.begin(ctx)
}

// abandon aborts what a session that has failed leaves open. An id that nobody takes
// over would hold its group and its readers back until the brokers end it. Requests
// that are still on their way have an epoch that is over then, but on older clusters
// they would not, and could leave a transaction without end there: the timeout does it.
func (t *transactions) abandon(ctx context.Context) {
	if t.implicit && t.id != "" && t.begun() {
		_ = t.end(ctx, false) // it may not be ours any more, or the brokers away
	}
}

// taken says whether somebody else has got a producer id for this transactional id.
// A transaction that a broker has aborted for its age has another epoch, too, but it
// is over.
func (t *transactions) taken(ctx context.Context) bool {
	d := t.describe(ctx)
	ours := d.ProducerID == t.producer.ID && d.ProducerEpoch == t.producer.Epoch
	return !ours && (d.State == "Empty" || d.State == "Ongoing")
}
