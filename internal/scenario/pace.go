package scenario

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Check validates a pace for a producer of this rate; nil is the default rate.
func (p Pace) Check(rate *Rate) error {
	switch {
	case p.Bursts != nil && p.Ramp != nil:
		return errors.New("bursts and a ramp exclude each other")
	case len(p.Daily) > 0 && (rate != nil || p.Bursts != nil || p.Ramp != nil):
		return errors.New("daily is the rate; leave out rate, bursts and ramp")
	case rate != nil && rate.Max() && (p.Bursts != nil || p.Ramp != nil || p.Poisson):
		return errors.New("bursts, a ramp and jitter need a rate to change, which max is not")
	}
	for _, t := range p.Daily {
		if t.Rate.Max() {
			return errors.New("daily: the rate can't be max")
		}
	}
	if b := p.Bursts; b != nil {
		switch {
		case b.Every <= 0 || b.For <= 0:
			return errors.New("bursts: every and for must be above 0")
		case b.For >= b.Every:
			return fmt.Errorf("bursts: for, %v, must be shorter than every, %v", b.For, b.Every)
		case b.Rate.Max():
			return errors.New("bursts: the rate can't be max")
		}
	}
	if r := p.Ramp; r != nil {
		switch {
		case r.From.Max():
			return errors.New("ramp: from can't be max")
		case r.Up+r.Hold+r.Down <= 0:
			return errors.New("ramp: it takes no time; set up, hold or down")
		}
	}
	return nil
}

// timesOfDay reads a mapping of times of the day to rates.
func (d *Decoder) timesOfDay(n *yaml.Node, what string) (times []TimeOfDay) {
	if n.Kind != yaml.MappingNode || len(n.Content) < 4 {
		d.Problem(n, "%s must be a mapping of at least two times to rates, such as {\"06:00\": 1/s, \"12:00\": 20/s}", what)
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		at, err := time.Parse("15:04", n.Content[i].Value)
		if err != nil {
			d.Problem(n.Content[i], "%s: %q is not a time of the day from 00:00 to 23:59", what, n.Content[i].Value)
			continue
		}
		since := time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
		times = append(times, TimeOfDay{since, d.rate(n.Content[i+1], what)})
	}
	slices.SortFunc(times, func(a, b TimeOfDay) int { return cmp.Compare(a.At, b.At) })
	for i := range times[1:] {
		if times[i].At == times[i+1].At {
			d.Problem(n, "%s has a time twice", what)
		}
	}
	return times
}

// ParseBursts parses bursts such as every=10s,for=1s,rate=5000/s.
func ParseBursts(text string) (*Bursts, error) {
	b := &Bursts{}
	return b, settings(text, burstTable(), b)
}

// ParseRamp parses a ramp such as from=10/s,up=30s,hold=1m,down=30s; hold and down are
// optional.
func ParseRamp(text string) (*Ramp, error) {
	r := &Ramp{}
	return r, settings(text, rampTable(), r)
}

// settings reads NAME=VALUE,… like a mapping of the file.
func settings(text string, table []attr, target any) error {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for item := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(item, "=")
		tag := "!!str"
		if value == "" {
			tag = "!!null"
		}
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value})
	}
	d := &Decoder{}
	if d.mapping(n, "the value", table, target); len(d.Problems) > 0 {
		return errors.New(d.Problems[0].Text)
	}
	return nil
}
