package scenario

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Check returns what is wrong with a pace for a producer of this rate; nil is the
// default rate.
func (p Pace) Check(rate *Rate) error {
	switch {
	case p.Bursts != nil && p.Ramp != nil:
		return errors.New("bursts and a ramp can't be had together")
	case rate != nil && rate.Max() && (p.Bursts != nil || p.Ramp != nil || p.Poisson):
		return errors.New("bursts, a ramp and jitter need a rate to change, and max is none")
	}
	if b := p.Bursts; b != nil {
		switch {
		case b.Every <= 0 || b.For <= 0:
			return errors.New("bursts: every and for must be above 0")
		case b.For >= b.Every:
			return fmt.Errorf("bursts: one lasts %v, which is not shorter than every %v", b.For, b.Every)
		case b.Rate.Max():
			return errors.New("bursts: the rate can't be max, or one would never end")
		}
	}
	if r := p.Ramp; r != nil {
		switch {
		case r.From.Max():
			return errors.New("ramp: it can't begin at max")
		case r.Up+r.Hold+r.Down <= 0:
			return errors.New("ramp: it takes no time; give it up, hold or down")
		}
	}
	return nil
}

// ParseBursts reads every=10s,for=1s,rate=5000/s.
func ParseBursts(text string) (*Bursts, error) {
	b := &Bursts{}
	err := settings(text, map[string]func(string) error{
		"every": durationInto(&b.Every), "for": durationInto(&b.For), "rate": rateInto(&b.Rate),
	}, "every", "for", "rate")
	return b, err
}

// ParseRamp reads from=10/s,up=30s,hold=1m,down=30s; hold and down may be left
// out.
func ParseRamp(text string) (*Ramp, error) {
	r := &Ramp{}
	err := settings(text, map[string]func(string) error{
		"from": rateInto(&r.From), "up": durationInto(&r.Up), "hold": durationInto(&r.Hold), "down": durationInto(&r.Down),
	}, "from", "up")
	return r, err
}

// settings reads NAME=VALUE,… of which some are needed.
func settings(text string, read map[string]func(string) error, needed ...string) error {
	seen := map[string]bool{}
	for item := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(item, "=")
		use := read[name]
		switch {
		case use == nil:
			return fmt.Errorf("there is no %q%s", name, suggestion(name, keys(read)))
		case seen[name]:
			return fmt.Errorf("%s is given twice", name)
		}
		seen[name] = true
		if err := use(value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, name := range needed {
		if !seen[name] {
			return fmt.Errorf("%s= is missing", name)
		}
	}
	return nil
}

func durationInto(d *time.Duration) func(string) error {
	return func(text string) (err error) {
		if *d, err = time.ParseDuration(text); err != nil || *d < 0 {
			return fmt.Errorf("it is a time such as 250ms, 10s or 2h30m, not %q", text)
		}
		return nil
	}
}

func rateInto(r *Rate) func(string) error {
	return func(text string) (err error) {
		*r, err = ParseRate(text)
		return err
	}
}
