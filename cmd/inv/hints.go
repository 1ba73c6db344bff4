package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"inv/inspect"
	"inv/inspect/dashboard"
	"inv/internal/broker"
	"inv/internal/deadletter"
	"inv/internal/kafka"
	"inv/internal/kafka/admin"
	"inv/internal/kafka/fetch"
	batches "inv/internal/kafka/produce"
	"inv/internal/registry"
	"inv/internal/suggest"
	"inv/internal/termsafe"
	"inv/processor"
	"inv/processor/forward/sinks"
	"inv/processor/metrics"
	"inv/processor/offline"
	"inv/processor/stage"
	"inv/producer"

	"github.com/twmb/franz-go/pkg/kerr"
)

// hint adds what to do about an error, by its type: libraries only report what
// happened, since they don't know flags and commands.
func hint(err error, app string) error {
	var (
		batch      *batches.BatchError
		partitions *kafka.PartitionsError
		refused    *kafka.RefusedError
		reserved   *kafka.ReservedPropertyError
		unknown    *kafka.UnknownPropertyError
		group      *admin.UnknownGroupError
		inUse      *admin.InUseError
		unique     *producer.UniqueError
		tooLarge   *producer.TooLargeError
		link       *producer.LinkError
		line       *offline.LineError
	)
	switch {
	case errors.Is(err, producer.ErrNoEnd):
		return fmt.Errorf("%w: add --count or --for to --start", err)
	case errors.Is(err, producer.ErrEndless):
		return fmt.Errorf("%w: add --for to --start", err)
	case errors.Is(err, producer.ErrNoRate):
		return fmt.Errorf("%w; set --rate", err)
	case errors.Is(err, producer.ErrFileNotEmpty):
		return fmt.Errorf("%w; --force overwrites it", err)
	case errors.Is(err, offline.ErrSpool):
		return fmt.Errorf("%w; write it to a file", err)
	case errors.As(err, &line):
		return fmt.Errorf("%w; --from reads lines of `inv produce --envelope` and `inv tail -o json`", err)
	case errors.As(err, &link):
		return fmt.Errorf("%w; write to that file by its own name, or remove the link", err)
	case errors.As(err, &unique):
		return fmt.Errorf("%w; set --count to %d or less", err, unique.Values)
	case errors.As(err, &tooLarge):
		return fmt.Errorf("%w; raise it with inv topics alter %s --set max.message.bytes=%d, or give a smaller size, such as --fault oversize=0.1%%:100KiB", err, termsafe.String(tooLarge.Topic), tooLarge.Need)
	case errors.Is(err, broker.ErrNoAdvertise):
		return usagef("%w; name the HOST:PORT that clients reach with --advertise", err)
	case errors.Is(err, broker.ErrAddress), errors.Is(err, dashboard.ErrAddress):
		return usageError{err}
	case errors.Is(err, broker.ErrPortInUse), errors.Is(err, dashboard.ErrPortInUse):
		return fmt.Errorf("%w; stop what listens there, or choose a free port with --listen 127.0.0.1:0", err)
	case errors.Is(err, errRegistryPort):
		return fmt.Errorf("%w; choose a free one with --registry-listen 127.0.0.1:0", err)
	case errors.As(err, &refused):
		return fmt.Errorf("%w; check tls and sasl of the profile, or the security settings given with -X", err)
	case errors.Is(err, kafka.ErrUnreachable):
		return fmt.Errorf("%w; start one with `inv broker`, or name yours with --brokers", err)
	case errors.As(err, &batch) && errors.Is(err, kerr.MessageTooLarge):
		return fmt.Errorf("%w; inv topics alter %s --set max.message.bytes=%d would make room for it", err, batch.Topic, batch.Bytes)
	case errors.As(err, &partitions):
		return partitionsHint(err, partitions, app)
	case errors.As(err, &reserved):
		return fmt.Errorf("%w: %s", err, instead(reserved.Name))
	case errors.As(err, &unknown) && unknown.Near != "":
		return fmt.Errorf("%w; did you mean %s?", err, unknown.Near)
	case errors.As(err, &unknown) && strings.HasPrefix(unknown.Name, "print."):
		return fmt.Errorf("%w; use --format '%%k %%v\\n', or -o json", err)
	case errors.As(err, &unknown) && (unknown.Name == "parse.key" || unknown.Name == "key.separator"):
		return fmt.Errorf("%w; use --key-separator (-K) SEPARATOR", err)
	case errors.As(err, &unknown):
		return fmt.Errorf("%w; see `-X list`", err)
	case errors.As(err, &group):
		return usagef("%w%s; see `inv groups list`", err, suggest.DidYouMean(group.Name, group.Known))
	case errors.As(err, &inUse):
		return fmt.Errorf("%w; stop %s first", err, map[bool]string{true: "it", false: "them"}[inUse.Members == 1])
	}
	return processorHint(forwardHint(err), app)
}

// forwardHint is hint for the errors of sinks.
func forwardHint(err error) error {
	var missing *sinks.MissingError
	var noTopic *noTopicError
	switch {
	case errors.As(err, &missing):
		set := make([]string, len(missing.Variables))
		for i, name := range missing.Variables {
			set[i] = name + "=…"
		}
		return usagef("%w; set them where inv runs: export %s", err, strings.Join(set, " "))
	case errors.As(err, &noTopic):
		return fmt.Errorf("%w; inv process creates what it writes, and inv topics create %s the rest", err, strings.Join(noTopic.aliases, " "))
	}
	return err
}

// processorHint is hint for the errors of package processor.
func processorHint(err error, app string) error {
	var (
		lost      *processor.LostError
		lostNow   *stage.LostRecordsError
		startOver *processor.StartOverError
		changed   *processor.ChangedError
		others    *processor.OtherApplicationError
		pending   *processor.PendingTransactionError
		retention *processor.RetentionError
		grown     *processor.GrownError
		grow      *processor.GrowError
		misfit    *processor.MisfitError
	)
	switch {
	case errors.As(err, &lost):
		return lostHint(err, lost, app)
	case errors.As(err, &lostNow):
		return fmt.Errorf("%w; start inv process again: it says what is missing, and how to go on", err)
	case errors.As(err, &startOver):
		return startOverHint(err, app)
	case errors.As(err, &changed):
		return changedHint(err, changed, app)
	case errors.As(err, &others):
		return fmt.Errorf("%w; continue with --app-id %s, or give this one topics of its own in the scenario", err, others.App)
	case errors.As(err, &grown):
		return grownHint(err, app)
	case errors.As(err, &grow):
		return fmt.Errorf("%w; give it as many: kafka-topics.sh --alter --topic %s --partitions %d", err, grow.Topic, grow.Partitions)
	case errors.As(err, &retention):
		return fmt.Errorf("%w; have it kept: kafka-configs.sh --alter --entity-type topics --entity-name %s --add-config cleanup.policy=compact", err, retention.Topic)
	case errors.As(err, &pending):
		return fmt.Errorf("%w; restart the process that left it with the same --instance, or abort it with kafka-transactions.sh", err)
	case errors.As(err, &misfit):
		return fmt.Errorf("%w; widen the schema in the scenario and start again: nothing is lost", err)
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

// metricsHints are what readers of /metrics who are refused can do.
func metricsHints() metrics.Access {
	return metrics.Access{
		HostHint:  "--metrics-allow-host adds a name; --metrics-token allows any name with a token",
		TokenHint: "it is the one of --metrics-token",
	}
}

// tailHint adds what to do about an error of a tail: a usage error names its flag.
func tailHint(err error) error {
	var usage *inspect.UsageError
	var unknown *inspect.UnknownTopicError
	var undecoded *registry.Error
	switch {
	case errors.As(err, &undecoded) && undecoded.Unsure() && !undecoded.Certain():
		return fmt.Errorf("%w; --key-as and --value-as say what bytes are, such as int64", err)
	case errors.Is(err, inspect.ErrWithheld):
		return fmt.Errorf("%w; --uncommitted shows them", err)
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
	return fmt.Sprintf("The rest: inv tail %s/%d@%d -o raw", termsafe.String(r.Topic), r.Partition, r.Offset)
}

// startOverHint is for topics, offsets and state that don't belong together. What
// starting over costs depends on what the inputs still hold.
func startOverHint(err error, app string) error {
	var gone *processor.InputsGoneError
	var state *processor.LostStateError
	if errors.As(err, &state) {
		err = fmt.Errorf("%w; inv process --skip-lost %s goes on if what is left is the whole state all the same, which it checks", err, state.Alias)
	}
	if errors.As(err, &gone) {
		return fmt.Errorf("%w; inv reset --app-id %s --outputs starts over, but %s", err, app, missing(gone.Gone))
	}
	return fmt.Errorf("%w; inv reset --app-id %s --outputs starts over from the inputs (without --outputs, the topics that it wrote stay and are written a second time)", err, app)
}

// changedHint is for a topology whose state another form of it has made.
func changedHint(err error, e *processor.ChangedError, app string) error {
	reset := fmt.Sprintf("inv reset --topology %s --app-id %s starts it over", e.Topology, app)
	switch {
	case e.Version < e.Committed:
		return fmt.Errorf("%w; use the scenario that made it, or a later one; %s", err, reset)
	case e.Version > e.Committed:
		return fmt.Errorf("%w; give it upgrade:, an expression that makes the new state of the old one; %s", err, reset)
	}
	return fmt.Errorf("%w; undo the change, or give it version: %d and upgrade:, an expression that makes the new state of the old one; %s", err, e.Committed+1, reset)
}

// missing says what a new state lacks that is made of inputs without their first
// offsets.
func missing(gone map[string]int64) string {
	var parts []string
	for _, topic := range slices.Sorted(maps.Keys(gone)) {
		parts = append(parts, fmt.Sprintf("%s lacks its first %s", topic, many(gone[topic], "offset")))
	}
	return "gives a wrong stock, since what was applied before is gone from the inputs: " + strings.Join(parts, ", ")
}

// lostHint is for records that are gone before they were processed: it says what
// each way to go on costs.
func lostHint(err error, e *processor.LostError, app string) error {
	aliases := e.Aliases()
	costs := make([]string, len(aliases))
	for i, alias := range aliases {
		costs[i] = skipCost(alias)
	}
	text := fmt.Sprintf("; inv process --skip-lost %s keeps the state and goes on with what is left: %s", strings.Join(aliases, ","), strings.Join(costs, "; "))
	if len(e.Gone) > 0 {
		text += fmt.Sprintf("; inv reset --app-id %s --outputs %s", app, missing(e.Gone))
	}
	return fmt.Errorf("%w%s", err, text)
}

// skipCost says what skipping lost records of a topic costs.
func skipCost(alias string) string {
	switch alias {
	case "catalog":
		return "products that were only in these records are unknown, and orders for them are dead-lettered, until they are published again"
	case "orders":
		return "these orders are never applied, so what they took stays in stock"
	case "receipts":
		return "these receipts never arrive in stock, and the reorders that they answer stay open"
	case "reorders":
		return "these reorders are never answered, and their products are not reordered again before a receipt names them"
	case "log":
		return "these lines are never applied, though their orders were accepted; a product that was opened there waits until it is published with a change"
	}
	return "what is in these records of " + alias + " is never processed"
}

// partitionsHint is for an internal topic with other partitions than are declared.
func partitionsHint(err error, e *kafka.PartitionsError, app string) error {
	if e.Have > e.Want {
		return grownHint(err, app)
	}
	return fmt.Errorf("%w: if the scenario has changed, declare %d partitions for it again; else remove it with inv reset --app-id %s, or use another --app-id", err, e.Have, app)
}

// grownHint is for a topic that has got more partitions than it may: they can't be
// removed.
func grownHint(err error, app string) error {
	reset := fmt.Sprintf("inv reset --app-id %s --outputs removes the topic and the state, and starts over from the inputs", app)
	var gone *processor.InputsGoneError
	if errors.As(err, &gone) {
		reset += ", but " + missing(gone.Gone)
	}
	return fmt.Errorf("%w; partitions can't be removed: %s; or use another --app-id with outputs of its own", err, reset)
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
