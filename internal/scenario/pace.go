package scenario

import (
	"errors"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// Check validates a pace for a producer of this rate; nil is the default rate.
func (p Pace) Check(rate *Rate) error {
	switch {
	case p.Bursts != nil && p.Ramp != nil:
		return errors.New("bursts and a ramp exclude each other")
	case rate != nil && rate.Max() && (p.Bursts != nil || p.Ramp != nil || p.Poisson):
		return errors.New("bursts, a ramp and jitter need a rate to change, which max is not")
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
