// Package forward delivers records of topics to systems outside Kafka: the delivery loop,
// and the two interfaces that a sink is one of.
//
// The loop owns what all sinks need: which partitions this process has, the order of
// records in a lane, retries and what makes a record poison, rate limits, grouping, dead
// letters and offsets. A [Sender] is told to deliver a message, and a [Store] to keep
// records; neither knows Kafka. docs/dev/forward.md has the rules.
//
// Memory is bounded by what is unfinished, not by what was fetched with it: records are
// copied out of the client's responses, which are decoded as a whole.
package forward
