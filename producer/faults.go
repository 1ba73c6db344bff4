package producer

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"inv/internal/registry"
	"inv/internal/scenario"
	"inv/internal/when"
)

// fault is a deliberate error in a record.
type fault uint8

const (
	noFault fault = iota
	malformed
	duplicate
	late
	outOfOrder
	tombstone
	unknownRef
	wrongType
	oversize
	wrongID
	unknownID
	truncated
	otherSchema
	faultKinds // their number
)

// faultNames are the names in options and in the header.
var faultNames = [...]string{"", "malformed", "duplicate", "late", "out_of_order", "tombstone", "unknown_ref", "wrong_type", "oversize", "wrong_id", "unknown_id", "truncated", "other_schema"}

func (f fault) String() string { return faultNames[f] }

// Fault says how many records have a fault, and how severe it is.
type Fault struct {
	kind  fault
	share scenario.Share
	delay time.Duration // of duplicate, late and out_of_order
	size  int           // of oversize, in bytes, even compressed
}

const (
	defaultDuplicateDelay = time.Second
	defaultLateness       = 30 * time.Second
	defaultDisorder       = time.Second
	defaultOversize       = 1<<20 + 1
	maxOversize           = 64 << 20
)

// ParseFaults reads a list such as malformed=1%,duplicate=0.5%:5s,oversize=0.1%:2MiB.
func ParseFaults(text string) ([]Fault, error) {
	var faults []Fault
	total := scenario.Share(0)
	seen := map[fault]bool{}
	for _, item := range strings.Split(text, ",") {
		f, err := parseFault(strings.TrimSpace(item))
		if err != nil {
			return nil, err
		}
		if seen[f.kind] {
			return nil, fmt.Errorf("%s is given twice", f.kind)
		}
		seen[f.kind] = true
		if total += f.share; total > 1.000001 {
			return nil, fmt.Errorf("the shares add up to more than 100%%; a record has at most one fault")
		}
		faults = append(faults, f)
	}
	return faults, nil
}

// HasUnknownRefs reports whether unknown_ref is among the faults; the plan must then be
// compiled for it.
func HasUnknownRefs(faults []Fault) bool {
	return slices.ContainsFunc(faults, func(f Fault) bool { return f.kind == unknownRef })
}

// rest is how many bytes a record batch has room for besides the padding of oversize.
const rest = 64 << 10

// largest returns how large a record batch of an oversize record may be, in bytes; 0
// without that fault.
func largest(faults []Fault) int {
	for _, f := range faults {
		if f.kind == oversize {
			return paddingOf(f.size) + rest
		}
	}
	return 0
}

func parseFault(item string) (Fault, error) {
	name, value, ok := strings.Cut(item, "=")
	name = strings.ReplaceAll(name, "-", "_")
	f := Fault{kind: fault(slices.Index(faultNames[1:], name) + 1), size: defaultOversize}
	if f.kind == noFault {
		return f, fmt.Errorf("there is no fault %q%s", name, alternatives(name, faultNames[1:]))
	}
	if !ok {
		return f, fmt.Errorf("%s needs a share, such as %s=1%%", name, name)
	}
	share, extra, has := strings.Cut(value, ":")
	var err error
	if f.share, err = scenario.ParseShare(share); err != nil {
		return f, fmt.Errorf("%s: %w", name, err)
	}
	f.delay = map[fault]time.Duration{duplicate: defaultDuplicateDelay, late: defaultLateness, outOfOrder: defaultDisorder}[f.kind]
	if !has {
		return f, nil
	}
	switch {
	case f.delay > 0:
		if f.delay, err = when.ParseDuration(extra); err != nil {
			return f, fmt.Errorf("%s: after the colon comes a time: %w", name, err)
		}
		if f.delay < 0 {
			return f, fmt.Errorf("%s: after the colon comes a time such as 5s, not %q", name, extra)
		}
	case f.kind == oversize:
		if f.size, err = parseSize(extra); err != nil {
			return f, fmt.Errorf("%s: %w", name, err)
		}
	default:
		return f, fmt.Errorf("%s takes a share alone, not %q", name, value)
	}
	return f, nil
}

func parseSize(text string) (int, error) {
	unit := 1
	for suffix, factor := range map[string]int{"KiB": 1 << 10, "MiB": 1 << 20, "kB": 1000, "MB": 1000_000} {
		if digits, ok := strings.CutSuffix(text, suffix); ok {
			text, unit = digits, factor
			break
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxOversize/unit {
		return 0, fmt.Errorf("a size is a number of bytes, KiB or MiB up to %d MiB, such as 2MiB", maxOversize>>20)
	}
	return n * unit, nil
}

const (
	saltFault  = 0x6661756C
	saltDetail = 0x64657461
)

// faultOf draws a record's fault.
func faultOf(faults []Fault, h uint64) *Fault {
	if len(faults) == 0 {
		return nil
	}
	r, below := unit(mix(h+saltFault)), 0.0
	for i := range faults {
		if below += float64(faults[i].share); r < below {
			return &faults[i]
		}
	}
	return nil
}

// NeedsOther reports whether a fault needs [Options.Other].
func NeedsOther(faults []Fault) bool {
	return slices.ContainsFunc(faults, func(f Fault) bool { return f.kind == wrongID || f.kind == otherSchema })
}

// checkFaults returns an error if the plan's records can't have one of the faults.
func checkFaults(p *Plan, o Options) error {
	for _, f := range o.Faults {
		for _, s := range p.streams {
			if err := s.checkFault(p, f.kind); err != nil {
				return fmt.Errorf("%s: %w", f.kind, err)
			}
		}
	}
	if NeedsOther(o.Faults) && o.Other == nil {
		return errors.New("the faults wrong_id and other_schema need a schema of another subject")
	}
	return nil
}

// checkFault returns an error if a stream's records can't have a fault.
func (s *stream) checkFault(p *Plan, kind fault) error {
	switch kind {
	case unknownRef:
		if !s.refersToKeys {
			return fmt.Errorf("the records of %q don't refer to keys of other producers", s.name)
		}
	case tombstone:
		if s.keyless() {
			return fmt.Errorf("the records of %q have no key to delete", s.name)
		}
	case wrongType:
		if s.spec.Format.Name != "json" {
			return fmt.Errorf("the records of %q are not JSON", s.name)
		}
	}
	for _, t := range s.destinations() {
		to := p.writers[t.Alias].Value
		switch {
		case to == nil && kind >= wrongID && kind < faultKinds && t.Format.Name != "":
			return fmt.Errorf("the records of %q are JSON on stdout and in files; it is for records in Kafka, which have a schema", s.name)
		case to == nil && kind >= wrongID && kind < faultKinds:
			return fmt.Errorf("the records of %q in topic %s have no schema; it is for topics with a `format:` other than json", s.name, t.Alias)
		case to != nil && kind == wrongType && to.Schema.Form != registry.JSONSchema:
			return fmt.Errorf("the records of %q in topic %s are %s, which has no room for a value of another type; see other_schema and wrong_id", s.name, t.Alias, to.Schema.Form)
		case to != nil && kind == oversize && !s.hasPadding():
			return fmt.Errorf("the records of %q in topic %s have no text to pad, and their schema has no room for another field", s.name, t.Alias)
		}
	}
	return nil
}

func (s *stream) keyless() bool {
	return s.spec.Key == nil || s.spec.Key.Gen == nil && s.spec.Key.Field.Text == ""
}

// delayOf returns how long after its time a faulty record is sent.
func (f *Fault) delayOf(h uint64) time.Duration {
	if f.kind == outOfOrder {
		return time.Duration(math.Ceil(unit(mix(h+saltDetail)) * float64(f.delay)))
	}
	return f.delay
}
