package scenario

import (
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // zones are the same on every machine that lacks its own

	"gopkg.in/yaml.v3"
)

// TimeFormat is how a time is written: a name or a pattern, in a zone.
type TimeFormat struct {
	Name   string // "epoch_ms", "epoch_s", "epoch_us", "epoch_ns", "rfc3339", "date", or "" for a pattern
	Layout []LayoutPart
	Zone   *time.Location // nil: UTC
}

// LayoutPart is a piece of a pattern: literal text, or a part of a time.
type LayoutPart struct {
	Text string
	Verb string // as in strftime, without the percent sign; "": literal text
}

// Patterns that have a name.
var namedLayouts = map[string]string{
	"apache":  "%d/%b/%Y:%H:%M:%S %z", // as in the common log format
	"syslog":  "%b %e %H:%M:%S",       // RFC 3164
	"rfc1123": "%a, %d %b %Y %H:%M:%S %Z",
}

var timeFormats = []string{"epoch_ms", "epoch_s", "epoch_us", "epoch_ns", "rfc3339", "date", "apache", "syslog", "rfc1123"}

// layoutVerbs are the parts of a time that a pattern can have.
var layoutVerbs = []string{"Y", "y", "m", "d", "e", "j", "H", "I", "M", "S", "p", "L", "f", "N", "a", "A", "b", "B", "u", "z", ":z", "Z", "s"}

// layoutShorts are verbs that stand for several.
var layoutShorts = map[string]string{"F": "%Y-%m-%d", "T": "%H:%M:%S", "R": "%H:%M", "D": "%m/%d/%y", "h": "%b"}

// parseTimeFormat parses the name or the pattern of a format.
func parseTimeFormat(text string) (f TimeFormat, err error) {
	if pattern, ok := namedLayouts[text]; ok {
		text = pattern
	} else if slices.Contains(timeFormats, text) {
		f.Name = text
		return f, nil
	}
	if !strings.Contains(text, "%") {
		if near := nearest(text, timeFormats); near != "" {
			return f, fmt.Errorf("format can't be %q; did you mean %q?", text, near)
		}
		return f, fmt.Errorf("format can't be %q; it is a pattern such as %%Y-%%m-%%d %%H:%%M:%%S, or one of %s", text, strings.Join(timeFormats, ", "))
	}
	f.Layout, err = parseLayout(text)
	return f, err
}

func parseLayout(text string) (parts []LayoutPart, err error) {
	for text != "" {
		literal, rest, found := strings.Cut(text, "%")
		if literal != "" {
			parts = append(parts, LayoutPart{Text: literal})
		}
		if !found {
			break
		}
		verb := rest[:min(len(rest), 1)]
		if verb == ":" {
			verb = rest[:min(len(rest), 2)]
		}
		text = rest[len(verb):]
		short, isShort := layoutShorts[verb]
		switch {
		case verb == "%":
			parts = append(parts, LayoutPart{Text: "%"})
		case isShort:
			more, _ := parseLayout(short)
			parts = append(parts, more...)
		case slices.Contains(layoutVerbs, verb):
			parts = append(parts, LayoutPart{Verb: verb})
		default:
			return nil, fmt.Errorf("format: %%%s is no part of a time; there are %%%s, and %%%% for a percent sign", verb, strings.Join(slices.Concat(layoutVerbs, []string{"F", "T", "R", "D"}), " %"))
		}
	}
	return parts, nil
}

func formatAttr[T any](about string, at func(*T) *TimeFormat) attr {
	examples := []any{"%Y-%m-%d %H:%M:%S", "%d/%b/%Y:%H:%M:%S %z"}
	schema := obj{"anyOf": []any{obj{"enum": timeFormats}, obj{"type": "string", "pattern": "%", "examples": examples}}}
	return valueAttr("format", about, schema, at, func(d *Decoder, n *yaml.Node, what string) TimeFormat {
		text := d.String(n, what)
		if text == "" && n.Tag != "!!str" {
			return TimeFormat{}
		}
		f, err := parseTimeFormat(text)
		if err != nil {
			d.Problem(n, "%v", err)
		}
		return f
	})
}

// offsetForms are the ways to write a zone as an offset.
var offsetForms = []string{"-07:00", "-0700", "-07"}

func (d *Decoder) zone(n *yaml.Node, what string) *time.Location {
	name := d.String(n, what)
	if name == "" {
		return nil
	}
	if strings.ContainsAny(name[:1], "+-") {
		for _, form := range offsetForms {
			if t, err := time.Parse(form, name); err == nil {
				_, seconds := t.Zone()
				return time.FixedZone(t.Format("-07:00"), seconds)
			}
		}
	}
	// Local would make the records depend on the machine.
	if l, err := time.LoadLocation(name); err == nil && name != "Local" {
		return l
	}
	d.Problem(n, "%s: there is no time zone %q; write a name such as Europe/Berlin, or an offset such as +02:00", what, name)
	return nil
}
