// Package jq evaluates expressions in jq's language over JSON text, without building
// maps and slices of values.
//
// # Two engines
//
// gojq is the reference: its parser reads every expression, and its interpreter can
// evaluate every one. Most expressions of filters, views and topologies are paths,
// constants, comparisons and a little arithmetic, though, and gojq needs the whole
// record decoded into maps for them. So an expression is also compiled to Go closures,
// if all of it is in the part of the language that they have. The closures work on
// [Value]s, which are slices of the record's text, numbers, or texts in a buffer of the
// [Evaluator]. After a few records nothing is allocated.
//
// The closures never report an error of the expression. Wherever jq has an error, or a
// number that neither an int64 nor a float64 holds, they give up, and gojq evaluates the
// expression from its beginning: it has the right result, or the right message. A
// fallback is slow, but only errors and oddities take it. [Expr.Compiled] and
// [Expr.Reason] tell which expressions have closures.
//
// # Scalars, streams and conditions
//
// An expression is compiled to a node: a scalar returns one value, a stream pushes any
// number of them onto the evaluator's stack, and a condition is a scalar of which only
// its truth is wanted. jq evaluates streams lazily, one result at a time; here a stream
// runs to its end. The difference would be seen only if an error came after a result
// that ends the evaluation, and errors are left to gojq.
//
// # Scopes
//
// A [Scope] names what expressions can refer to: the record, which is ".", variables,
// and definitions. Paths of all expressions of a scope are collected, so that a value is
// scanned once for all of them.
//
// # Bounds
//
// With [Options].Strict an expression can do nothing that differs from run to run, and
// nothing without an end: functions are those of an allow list, loops other than those
// over data are refused, patterns are literal, and both engines count their steps and
// the bytes they make.
package jq
