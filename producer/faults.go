package producer

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"inv/internal/scenario"
)

// fault is something wrong with a record on purpose.
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
	faultKinds // how many there are
)

// faultNames are how faults are asked for, and what the header says.
var faultNames = [...]string{"", "malformed", "duplicate", "late", "out_of_order", "tombstone", "unknown_ref", "wrong_type", "oversize"}

func (f fault) String() string { return faultNames[f] }

// Fault is how often a fault strikes and how hard.
type Fault struct {
	kind  fault
	share scenario.Share
	delay time.Duration // of duplicate, late and out_of_order
	size  int           // of oversize, in bytes
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
			return nil, fmt.Errorf("the shares add up to more than 100%%; a record has one fault at most")
		}
		faults = append(faults, f)
	}
	return faults, nil
}

// HasUnknownRefs reports whether unknown_ref is among the faults: the plan must then
// be compiled for it.
func HasUnknownRefs(faults []Fault) bool {
	return slices.ContainsFunc(faults, func(f Fault) bool { return f.kind == unknownRef })
}

func parseFault(item string) (Fault, error) {
	name, value, ok := strings.Cut(item, "=")
	f := Fault{}
	for kind, known := range faultNames {
		if kind > 0 && known == name {
			f.kind = fault(kind)
		}
	}
	if f.kind == noFault {
		return f, fmt.Errorf("no fault is called %q%s", name, alternatives(name, faultNames[1:]))
	}
	if !ok {
		return f, fmt.Errorf("%s needs a share: %s=1%%", name, name)
	}
	share, extra, has := strings.Cut(value, ":")
	var err error
	if f.share, err = scenario.ParseShare(share); err != nil {
		return f, fmt.Errorf("%s: %w", name, err)
	}
	f.delay = map[fault]time.Duration{duplicate: defaultDuplicateDelay, late: defaultLateness, outOfOrder: defaultDisorder}[f.kind]
	f.size = defaultOversize
	if !has {
		return f, nil
	}
	switch {
	case f.delay > 0:
		if f.delay, err = time.ParseDuration(extra); err != nil || f.delay < 0 {
			return f, fmt.Errorf("%s: behind the colon stands a time such as 5s, not %q", name, extra)
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

// checkFaults says which faults the plan's records can't have.
func checkFaults(p *Plan, faults []Fault) error {
	for _, f := range faults {
		for _, s := range p.streams {
			switch {
			case f.kind == unknownRef && !s.refersToKeys:
				return fmt.Errorf("unknown_ref: the records of %q refer to no key of another producer", s.name)
			case f.kind == tombstone && s.keyless():
				return fmt.Errorf("tombstone: the records of %q have no key to delete", s.name)
			case f.kind == wrongType && s.spec.Format.Name != "json":
				return fmt.Errorf("wrong_type: the records of %q are not JSON", s.name)
			}
		}
	}
	return nil
}

func (s *stream) keyless() bool {
	return s.spec.Key == nil || s.spec.Key.Gen == nil && s.spec.Key.Field.Text == ""
}

// spoil does to a value what its fault says. It is rare, so it may allocate.
func spoil(value []byte, kind fault, h uint64, format string, size int) []byte {
	r := mix(h + saltDetail)
	switch kind {
	case malformed:
		return malform(value, r, format)
	case tombstone:
		return nil
	case wrongType:
		return retype(value, r)
	case oversize:
		return inflate(value, format, size)
	}
	return value
}

// malform makes a value that no reader of its format accepts.
func malform(value []byte, r uint64, format string) []byte {
	kinds := uint64(6)
	if format != "json" {
		kinds = 2
	}
	out := append([]byte{}, value...) // not nil, which is a tombstone
	switch below(r, kinds) {
	case 0: // cut off
		return out[:min(len(out), 1+int(below(mix(r), uint64(max(len(out)-1, 1)))))]
	case 1: // no bytes at all
		return []byte{}
	case 2: // another language
		return []byte("this is not JSON")
	case 3: // one brace too many
		return append(out, '}')
	case 4: // quotes of another language
		for i, c := range out {
			if c == '"' {
				out[i] = '\''
			}
		}
		return out
	}
	return append([]byte("\xef\xbb\xbf<record>"), out...) // a byte order mark and markup
}

// retype gives one of the top fields of a JSON object a value of another type.
func retype(value []byte, r uint64) []byte {
	fields := topFields(value)
	if len(fields) == 0 {
		return value
	}
	at := fields[below(r, uint64(len(fields)))]
	old := value[at[0]:at[1]]
	replacement := []byte(`"not a value of this type"`)
	switch old[0] {
	case '"':
		replacement = []byte("12345")
	case 't', 'f', 'n':
		replacement = []byte(`"maybe"`)
	case '{', '[':
	default:
		replacement = append(append([]byte(`"`), old...), `"`...)
	}
	return append(append(append([]byte(nil), value[:at[0]]...), replacement...), value[at[1]:]...)
}

// topFields finds the values of an object's fields in JSON that is known to be valid.
func topFields(value []byte) (spans [][2]int) {
	depth, inText, start := 0, false, -1
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{' || c == '[':
			depth++
		case c == ':' && depth == 1:
			start = i + 1
		case (c == ',' || c == '}') && depth == 1 && start >= 0:
			spans, start = append(spans, [2]int{start, i}), -1
		}
		if !inText && (c == '}' || c == ']') {
			depth--
		}
	}
	return spans
}

// inflate pads a value to a size.
func inflate(value []byte, format string, size int) []byte {
	out := make([]byte, 0, max(size, len(value)+64))
	pad := func(tail string) []byte {
		for len(out) < size-len(tail) {
			out = append(out, 'x')
		}
		return append(out, tail...)
	}
	if format == "json" && len(value) > 2 && value[len(value)-1] == '}' {
		out = append(append(out, value[:len(value)-1]...), `,"padding":"`...)
		return pad(`"}`)
	}
	out = append(out, value...)
	return pad("")
}

// delayOf returns how much later than its time a faulty record is sent.
func (f *Fault) delayOf(h uint64) time.Duration {
	if f.kind == outOfOrder {
		return time.Duration(math.Ceil(unit(mix(h+saltDetail)) * float64(f.delay)))
	}
	return f.delay
}
