package main

import (
	"errors"
	"fmt"

	"inv/inspect"
	"inv/inspect/dashboard"
	"inv/internal/broker"
	"inv/internal/deadletter"
	"inv/internal/kafka"
	"inv/internal/kafka/admin"
	"inv/internal/kafka/fetch"
	"inv/internal/suggest"
	"inv/processor"
	"inv/processor/stage"
	"inv/producer"
)

// hint adds what to do about an error, by its type: libraries only report what
// happened, since they don't know flags and commands.
func hint(err error, app string) error {
	var (
		partitions *kafka.PartitionsError
		refused    *kafka.RefusedError
		reserved   *kafka.ReservedPropertyError
		unknown    *kafka.UnknownPropertyError
		group      *admin.UnknownGroupError
		inUse      *admin.InUseError
		lost       *stage.LostRecordsError
		startOver  *processor.StartOverError
		others     *processor.OtherApplicationError
		pending    *processor.PendingTransactionError
		unique     *producer.UniqueError
	)
	switch {
	case errors.Is(err, producer.ErrNoEnd):
		return fmt.Errorf("%w: add --count or --for to --start", err)
	case errors.Is(err, producer.ErrNoRate):
		return fmt.Errorf("%w; set --rate", err)
	case errors.As(err, &unique):
		return fmt.Errorf("%w; set --count to %d or less", err, unique.Values)
	case errors.Is(err, broker.ErrNoAdvertise):
		return usagef("%w; name the HOST:PORT that clients reach with --advertise", err)
	case errors.Is(err, broker.ErrAddress), errors.Is(err, dashboard.ErrAddress):
		return usageError{err}
	case errors.Is(err, broker.ErrPortInUse), errors.Is(err, dashboard.ErrPortInUse):
		return fmt.Errorf("%w; stop what listens there, or choose a free port with --listen 127.0.0.1:0", err)
	case errors.As(err, &refused):
		return fmt.Errorf("%w; check tls and sasl of the profile, or the security settings given with -X", err)
	case errors.Is(err, kafka.ErrUnreachable):
		return fmt.Errorf("%w; start one with `inv broker`, or name yours with --brokers", err)
	case errors.As(err, &partitions):
		return fmt.Errorf("%w: remove it with inv reset --app-id ID, or use another", err)
	case errors.As(err, &reserved):
		return fmt.Errorf("%w: %s", err, instead(reserved.Name))
	case errors.As(err, &unknown) && unknown.Near != "":
		return fmt.Errorf("%w; did you mean %s?", err, unknown.Near)
	case errors.As(err, &unknown):
		return fmt.Errorf("%w; see `-X list`", err)
	case errors.As(err, &group):
		return usagef("%w%s; see `inv groups list`", err, suggest.DidYouMean(group.Name, group.Known))
	case errors.As(err, &inUse):
		return fmt.Errorf("%w; stop %s first", err, map[bool]string{true: "it", false: "them"}[inUse.Members == 1])
	case errors.As(err, &lost), errors.As(err, &startOver):
		return fmt.Errorf("%w; or start over from the inputs with inv reset --app-id %s --outputs (without --outputs, the topics that it wrote stay and are written a second time)", err, app)
	case errors.As(err, &others):
		return fmt.Errorf("%w; continue with --app-id %s, or give this one topics of its own in the scenario", err, visible(others.App))
	case errors.As(err, &pending):
		return fmt.Errorf("%w; restart the process that left it with the same --instance, or abort it with kafka-transactions.sh", err)
	case errors.Is(err, deadletter.ErrNoRoom):
		return fmt.Errorf("%w; raise the topic's max.message.bytes by 1,000, or replay a shorter value with --value", err)
	case errors.Is(err, stage.ErrFenced):
		return fmt.Errorf("%w; give each process an --instance of its own", err)
	}
	return err
}

// dashboardHints are what the dashboard's users can do.
func dashboardHints() dashboard.Hints {
	return dashboard.Hints{
		NoProducts: "inv produce catalog writes some",
		Host:       "--allow-host adds a name",
		Token:      "open the address that inv dashboard printed",
	}
}

// tailHint adds what to do about an error of a tail: a usage error names its flag.
func tailHint(err error) error {
	var usage *inspect.UsageError
	var unknown *inspect.UnknownTopicError
	switch {
	case errors.Is(err, inspect.ErrFailOn):
		return fmt.Errorf("%w (--fail-on)", err)
	case errors.Is(err, fetch.ErrTooLarge):
		return fmt.Errorf("%w; --max-batch reads larger ones", err)
	case errors.As(err, &unknown):
		return usagef("%w (--wait waits for a topic of that name)", err)
	case errors.As(err, &usage) && usage.Option != "":
		return usagef("--%s: %w", usage.Option, usage.Err)
	case errors.As(err, &usage):
		return usageError{err}
	}
	return err
}

// wholeValue is the hint for a value of which a line has only the beginning.
const wholeValue = ", whole with -o raw"

// restOf returns the command that shows a value whose end is missing.
func restOf(r *inspect.Record) string {
	return fmt.Sprintf("The rest: inv tail %s --partition %d --offset %d --expect 1 -o raw", visible(r.Topic), r.Partition, r.Offset)
}

// instead returns what to use for a property that can't be set.
func instead(property string) string {
	switch property {
	case "bootstrap.servers":
		return "use --brokers"
	case "isolation.level":
		return "commands read committed records; see tail --uncommitted"
	case "max.in.flight.requests.per.connection":
		return "idempotent producing keeps the order with any number of requests"
	case "enable.auto.commit", "auto.offset.reset":
		return "commands manage their offsets; see tail --offset and --since"
	}
	return "it follows from --app-id and --instance"
}
