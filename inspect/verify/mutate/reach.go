package mutate

import (
	"slices"

	"inv/inspect/verify"
)

// Limit is a kind of mutation that can't be found from the topics, and why.
type Limit struct {
	Name, Reason string
	Partly       bool // some are found all the same
	is           func(m *Mutation, f *fates) bool
}

// OutOfReach returns the mutations that can't be found. docs/verify.md lists them.
func OutOfReach() []Limit {
	return slices.Concat(unread(), inputsUnread(), inputsUntraced(), outputsUnbound(), referenceLimits())
}

func limitOf(m *Mutation, f *fates) *Limit {
	for _, l := range OutOfReach() {
		if l.is(m, f) {
			return &l
		}
	}
	return nil
}

// unread are things that nobody reads.
func unread() []Limit {
	return []Limit{
		{Name: "a field that no reader knows is added", Reason: "later versions may add fields, so readers skip those that they don't know",
			is: func(m *Mutation, f *fates) bool {
				return m.field(unknownField, "added") && !f.bytesCount(m)
			}},
		{Name: "a header that no reader knows is added", Reason: "tools on the way add headers",
			is: func(m *Mutation, f *fates) bool {
				if m.Kind == DeadLetters || f.refused(m.Record) {
					return false
				}
				return m.header("x-other", "added") || m.header("dlq-truncated", "added") ||
					m.header("dlq-replay", "added") && (m.Kind == Catalog || !f.copied(m.Record)) && (m.Kind != Receipts || f.input(m))
			}},
		{Name: "a field that is empty or 0 is removed, or set to null", Reason: "absent, null, empty and 0 are the same to readers of the catalogue and of texts",
			is: func(m *Mutation, f *fates) bool {
				raw := string(rawOf(m.Record.Value, m.Name))
				return m.field(m.Name, "removed", "null") && (raw == `""` || raw == "0" && m.Kind == Catalog) && !f.bytesCount(m)
			}},
		{Name: "`last_updated` of an update is another time", Reason: "it is the clock of the process that wrote it",
			is: func(m *Mutation, _ *fates) bool {
				return m.Kind == Updates && m.field("last_updated", "+1", "−1", "borrowed", "repeated with another value") && !m.capped()
			}},
		{Name: "`dlq-message` of a dead letter is another text", Reason: "it is for people; its wording may change",
			is: func(m *Mutation, _ *fates) bool {
				return m.Kind == DeadLetters && m.header("dlq-message", "changed", "borrowed")
			}},
		{Name: "the Kafka timestamp of a dead letter", Reason: "it is the clock of the process that wrote it; `dlq-timestamp` is checked",
			is: func(m *Mutation, _ *fates) bool { return m.Kind == DeadLetters && m.Part == PartTimestamp }},
	}
}

// inputsUnread are parts of an input that nothing depends on.
func inputsUnread() []Limit {
	return []Limit{
		{Name: "a header of an accepted input", Reason: "nothing depends on it, but for the major version in `ce_type` and for whether there is a `dlq-replay`",
			is: func(m *Mutation, f *fates) bool { return f.input(m) && !f.refused(m.Record) && m.idleHeader() }},
		{Name: "the key of an accepted order, or of a receipt by others", Reason: "any key is accepted",
			is: func(m *Mutation, f *fates) bool {
				return f.input(m) && m.Kind != Catalog && m.Part == PartKey && !f.refused(m.Record)
			}},
		{Name: "the Kafka timestamp of an accepted input that has a time of its own, or that changes nothing", Reason: "the event's own time counts",
			is: func(m *Mutation, f *fates) bool {
				own := m.Kind != Catalog && rawOf(m.Record.Value, "timestamp") != nil
				return f.input(m) && m.Part == PartTimestamp && !f.refused(m.Record) && (own || !f.applied(m.Record))
			}},
		{Name: "the Kafka timestamp of an input is below 0", Reason: "the processor gives what has no time one of its choice",
			is: func(m *Mutation, f *fates) bool {
				return f.input(m) && m.Part == PartTimestamp && m.Op == "removed" && !f.refused(m.Record)
			}},
		{Name: "`customer_id` of an order", Reason: "no output repeats it",
			is: func(m *Mutation, f *fates) bool {
				return m.Kind == Orders && m.Part == PartField && m.Name == "customer_id" && m.Op != "a number" && f.applied(m.Record) && !f.copied(m.Record)
			}},
		{Name: "`receipt_id` and `warehouse_id` of a receipt by others", Reason: "no output repeats them",
			is: func(m *Mutation, f *fates) bool {
				other := m.field("receipt_id", "changed", "borrowed", "repeated with another value") ||
					m.Part == PartField && m.Name == "warehouse_id" && m.Op != "a number"
				return m.Kind == Receipts && f.input(m) && other && f.applied(m.Record) && !f.copied(m.Record)
			}},
		{Name: "`initial_stock` of a catalogue record that opens no product", Reason: "it is not used",
			is: func(m *Mutation, f *fates) bool {
				return m.Kind == Catalog && m.Part == PartField && m.Name == "initial_stock" && m.Op != "a text" && f.applied(m.Record) && !f.opens(m.Record)
			}},
	}
}

// unshown reports whether a field of a catalogue record is mutated that updates may not
// show: one that they don't have, a price, which they have of order lines, or one of a
// record that is there twice.
func (m *Mutation) unshown(f *fates) bool {
	return m.Part == PartField && (m.Name == "all" || m.Name == "initial_stock" || m.Name == "price" || f.copied(m.Record))
}

// idleHeader reports whether the header that is mutated decides nothing.
func (m *Mutation) idleHeader() bool {
	switch {
	case m.Part != PartHeader:
		return false
	case m.Op == "added":
		return m.Name == "ce_source" || m.Name == "ce_type" && m.Record.Value == nil
	case headerOf(m.Record, "dlq-replay") != nil && (m.Op == "removed" || m.Op == "emptied"):
		return m.Name != "dlq-replay" && m.Name != "all"
	}
	return true
}

// inputsUntraced are inputs that leave no trace.
func inputsUntraced() []Limit {
	return []Limit{
		{Name: "an input that changes nothing is missing, or one is added: a tombstone, a copy within the window, an identical catalogue record", Reason: "it has no effect",
			is: func(m *Mutation, f *fates) bool { return f.untraced(m) }},
		{Name: "a record of the catalogue is missing", Reason: "compaction removes them, unless it is the product's last", Partly: true,
			is: func(m *Mutation, _ *fates) bool { return m.Kind == Catalog && m.Op == "dropped" }},
		{Name: "a tombstone of the catalogue is another product's", Reason: "its only effect is that reorders and alerts may be missing",
			is: func(m *Mutation, _ *fates) bool {
				return m.Kind == Catalog && m.Record.Value == nil && m.Part == PartKey && (m.Op == "changed" || m.Op == "borrowed")
			}},
	}
}

// outputsUnbound are things about outputs that nothing determines.
func outputsUnbound() []Limit {
	return []Limit{
		{Name: "an output is in the partition that its key would have if the topic had fewer", Reason: "the topic may have been enlarged since", Partly: true,
			is: func(m *Mutation, f *fates) bool {
				return m.Part == PartPartition && !f.input(m) && f.mayHaveGrown(m.Other)
			}},
		{Name: "the order of outputs of different products, of dead letters, and of copies", Reason: "there is none",
			is: func(m *Mutation, f *fates) bool {
				switch {
				case m.Part != PartOrder:
					return false
				case m.Kind == Updates || m.Kind == Alerts || m.Kind == Reorders && f.policy == verify.PolicyDefault:
					return textOf(m.Record.Value, "product_id") != textOf(m.Other.Value, "product_id")
				}
				return m.Kind == DeadLetters || string(m.Record.Value) == string(m.Other.Value)
			}},
	}
}

// referenceLimits are those of the reference policy, of which the catalogue writes no
// updates.
func referenceLimits() []Limit {
	return []Limit{
		{Name: "with the reference policy, an alert of a product that was ever delisted is missing", Reason: "no update shows when it was delisted and listed",
			is: func(m *Mutation, f *fates) bool {
				return f.policy == verify.PolicyReference && m.Kind == Alerts && m.Op == "dropped" && f.delisted[textOf(m.Record.Value, "product_id")]
			}},
		{Name: "with the reference policy, a catalogue record of which no update shows the fields", Reason: "the catalogue writes no updates", Partly: true,
			is: func(m *Mutation, f *fates) bool {
				return f.policy == verify.PolicyReference && m.Kind == Catalog &&
					(m.Part == PartCount || m.Part == PartOrder || !f.refused(m.Record) && (m.Part == PartTimestamp || m.unshown(f)))
			}},
	}
}
