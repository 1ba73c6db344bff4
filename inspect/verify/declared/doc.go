// Package declared is the oracle of declared topologies: it does naively what package
// processor/declared does fast, and compares what a processor has written with that.
//
// Every record and every line of the log is decoded into maps, every expression is
// evaluated by plain gojq, and all state is in maps. Nothing is shared with the
// processor but the scenario's types and the function decimals. Where an expression of a
// topology differs from jq's, in comparisons with absent fields, the rule is written down
// a second time here, on gojq's syntax tree.
//
// [Compile] prepares a topology. [Topology.Route] decides a record of an input,
// [Topology.Map] does so for a topology without keys, and a [Replay] applies the lines of
// one partition of the log. [Run] reads the topics of a topology and checks them.
//
// The semantics are pinned in docs/dev/declared.md.
package declared
