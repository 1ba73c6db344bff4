// Package processor runs topologies: it reads topics as consumer groups, keeps
// state behind changelogs and writes topics, each step in one Kafka transaction.
//
// A [Topology] is a value with its stages; what a stage decides is its
// [runtime.Logic]. This package makes the rest of it: topics are created, members
// join the groups, offsets are committed with metadata that reports whether state
// and topics still belong together, starts that would give wrong numbers are
// refused, a backlog is drained, and everything is counted. It knows no topology
// and no record: package inventory has the built-in ones, package builtin lists
// them.
//
// [Run] runs topologies in this process, as one member of each group. Several
// processes, or several Runs, share the partitions.
package processor

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"inv/internal/kafka"
	"inv/internal/registry"
	"inv/internal/scenario"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Guarantees by name.
const (
	ExactlyOnce = "exactly-once"
	AtLeastOnce = "at-least-once"
)

// Defaults of a Config.
const (
	DefaultAppID       = "inv"
	DefaultCommitEvery = 100 * time.Millisecond
)

// Config is what to run and where. Zero fields have the default that is named
// with them; Kafka, Scenario, Topologies and Instance must be set.
type Config struct {
	Kafka      kafka.Config
	Scenario   *scenario.Scenario // names and describes the topics
	AppID      string             // default DefaultAppID
	Topologies []Topology
	Guarantee  string // default ExactlyOnce

	// Instance distinguishes the members of an application: it ends the
	// transactional ids. StableInstance means that it is the same at every
	// start, so that a process fences the one that had it before.
	Instance       string
	StableInstance bool

	// Drain ends Run when the backlog at its start, and everything that it
	// caused, is committed, by whichever instances.
	Drain bool

	// SkipLost are the aliases of topics of which records may be skipped that are
	// deleted: of a source, before they were processed; of a changelog, if the
	// state is provably complete without them. Otherwise Run returns a [LostError]
	// or [LostStateError] before it reads anything.
	SkipLost []string

	// Schemas reads and writes the topics that have a format, and decodes what a schema
	// registry describes, for stages that read what others write; nil: there are none.
	Schemas *registry.Topics

	CommitEvery time.Duration    // default DefaultCommitEvery
	Now         func() time.Time // default time.Now
	Log         *slog.Logger     // default: discards
	Stats       *Stats           // counts while Run runs; default one of its own
	Hooks       func(stage string) []kgo.Hook
	At          func(stage, point string) // called at named points of transactions, for fault tests
}

// ErrUsage is wrapped by errors of a Config that can't be right.
var ErrUsage = errors.New("wrong configuration")

func (c Config) withDefaults() (Config, error) {
	setDefault(&c.AppID, DefaultAppID)
	setDefault(&c.Guarantee, ExactlyOnce)
	setDefault(&c.CommitEvery, DefaultCommitEvery)
	if c.Guarantee != ExactlyOnce && c.Guarantee != AtLeastOnce {
		return c, fmt.Errorf("%w: there is no guarantee %q; there are %s, %s", ErrUsage, c.Guarantee, ExactlyOnce, AtLeastOnce)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Stats == nil {
		c.Stats = &Stats{}
	}
	if err := check(c.Topologies); err != nil {
		return c, err
	}
	return c, c.checkSkipLost()
}

// checkSkipLost refuses aliases that no stage reads.
func (c *Config) checkSkipLost() error {
	var read []string
	for _, stage := range stages(c.Topologies) {
		if read = append(read, stage.inputs()...); stage.State != "" {
			read = append(read, stage.State)
		}
	}
	slices.Sort(read)
	read = slices.Compact(read)
	for _, alias := range c.SkipLost {
		if !slices.Contains(read, alias) {
			return fmt.Errorf("%w: no stage reads a topic with the alias %s, whose lost records could be skipped; they read %s", ErrUsage, quoted(alias), strings.Join(read, ", "))
		}
	}
	return nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// exact reports whether each input counts exactly once.
func (c *Config) exact() bool { return c.Guarantee == ExactlyOnce }
