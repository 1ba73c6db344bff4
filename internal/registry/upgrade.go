package registry

import (
	"errors"
	"fmt"
	"sync"

	"inv/internal/event"
	"inv/internal/jq"
	"inv/internal/jsonscan"
	"inv/internal/scenario"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Upgrades turn the values of a topic's records into those of the version that programs
// read, by the record's ce_type. The nil Upgrades has none. It is safe for concurrent use.
type Upgrades struct {
	scope      *jq.Scope
	types      map[string]*jq.Expr
	evaluators sync.Pool // of *jq.Evaluator
}

// NewUpgrades compiles a topic's upgrades; nil for none. Expressions are bounded as those
// of topologies are, and can't depend on anything but the value. The error of one is an
// *ExpressionError.
func NewUpgrades(list []scenario.Upgrade) (*Upgrades, error) {
	if len(list) == 0 {
		return nil, nil
	}
	u := &Upgrades{scope: jq.NewScope(nil), types: map[string]*jq.Expr{}}
	u.evaluators.New = func() any { return &jq.Evaluator{} }
	for i := range list {
		x, err := u.scope.Compile(list[i].With.Source, jq.Options{Absent: true, Strict: true, Updates: true})
		if err != nil {
			return nil, &ExpressionError{list[i], err}
		}
		u.types[list[i].Type] = x
	}
	return u, nil
}

// ExpressionError is an upgrade's expression that can't be compiled. It wraps a *jq.Error.
type ExpressionError struct {
	Upgrade scenario.Upgrade
	Err     error
}

func (e *ExpressionError) Error() string {
	return fmt.Sprintf("the upgrade of %s: %v", e.Upgrade.Type, e.Err)
}

func (e *ExpressionError) Unwrap() error { return e.Err }

// Upgrades returns the upgrades of a topic, by its name on the broker; nil: it has none.
func (t *Topics) Upgrades(topic string) *Upgrades {
	if t == nil {
		return nil
	}
	return t.upgrades[topic]
}

// Encoded reports whether the records of a topic, by its name on the broker, may be in
// several encodings, or of several versions: it has a format or upgrades.
func (t *Topics) Encoded(topic string) bool {
	return t != nil && (t.values[topic] != nil || t.keys[topic] != nil || t.upgrades[topic] != nil)
}

// Has reports whether records with these headers are upgraded: their ce_type has an
// upgrade, whatever its version.
func (u *Upgrades) Has(headers []kgo.RecordHeader) bool {
	if u == nil {
		return false
	}
	kind, ok := event.Header(headers, event.HeaderType)
	return ok && u.types[string(kind)] != nil
}

// CheckVersion is [event.CheckVersion] for a topic with these upgrades: a type that has
// one counts as the version that programs read.
func (u *Upgrades) CheckVersion(headers []kgo.RecordHeader) error {
	if u.Has(headers) {
		return event.CheckMode(headers)
	}
	return event.CheckVersion(headers)
}

// Apply returns a value as the version that programs read has it. What has no upgrade is
// returned as it is, nil included; otherwise the result is appended to dst[:0], which may
// be nil and must not overlap the value. A value that is not JSON, or that the expression
// does not make exactly one object of, is an *UpgradeError.
func (u *Upgrades) Apply(dst []byte, headers []kgo.RecordHeader, value []byte) ([]byte, error) {
	if value == nil || u == nil {
		return value, nil
	}
	kind, ok := event.Header(headers, event.HeaderType)
	x := u.types[string(kind)]
	if !ok || x == nil {
		return value, nil
	}
	fail := func(err error) ([]byte, error) { return nil, &UpgradeError{string(kind), err} }
	if _, valid := jsonscan.Valid(value); !valid {
		return fail(errNoDocument)
	}
	e := u.evaluators.Get().(*jq.Evaluator)
	defer u.evaluators.Put(e)
	e.SetRecord(jq.JSON(value), nil)
	results, err := x.Eval(e)
	if err != nil {
		var failed *jq.EvalError
		if errors.As(err, &failed) {
			err = failed.Err // the expression is the scenario's: its type names it
		}
		return fail(err)
	}
	if len(results) != 1 {
		return fail(fmt.Errorf("it makes %d values of one", len(results)))
	}
	if results[0].Type() != "object" {
		return fail(fmt.Errorf("it makes no object, but a value of the type %s", results[0].Type()))
	}
	return results[0].AppendJSON(dst[:0]), nil
}

var errNoDocument = errors.New("the value is not one JSON document")

// UpgradeError is a value that its upgrade does not apply to.
type UpgradeError struct {
	Type string // of the record
	Err  error
}

func (e *UpgradeError) Error() string { return fmt.Sprintf("the upgrade of %s: %v", e.Type, e.Err) }

func (e *UpgradeError) Unwrap() error { return e.Err }

// Reason returns why a record with an error of [Topics.Value] is a dead letter.
func Reason(err error) event.Reason {
	var upgrade *UpgradeError
	if errors.As(err, &upgrade) {
		return event.UnknownVersion
	}
	return event.NotJSON
}
