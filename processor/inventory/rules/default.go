package rules

import "inv/internal/event"

// Default returns the system's own rules.
func Default(s *State, e *event.Entry, steps []Step) []Step {
	switch e.Kind {
	case event.EntryProduct:
		return defaultProduct(s, e, steps)
	case event.EntryDelist:
		s.Delisted = true
		return steps
	}
	if !s.Opened {
		s.wait(e)
		return steps
	}
	return defaultChange(s, e, steps)
}

// defaultProduct is rule 1, and rule 8 behind an opening. A record that lists a
// delisted product again is a change, even if it is the old one.
func defaultProduct(s *State, e *event.Entry, steps []Step) []Step {
	if s.Opened && !s.Delisted && s.Product == e.Product {
		return steps
	}
	opening := !s.Opened
	s.list(e.Product)
	var delta int64
	if opening {
		delta = e.Product.InitialStock
	}
	steps = defaultStep(s, e, delta, 0, steps)
	if !opening {
		return steps
	}
	waiting := s.Waiting
	s.Waiting = nil
	for i := range waiting {
		steps = defaultChange(s, &waiting[i], steps)
	}
	return steps
}

// defaultChange is rules 2 and 6.
func defaultChange(s *State, e *event.Entry, steps []Step) []Step {
	if e.Kind == event.EntryReceipt {
		if s.OpenReorder != 0 && e.EventID == event.ReorderID(e.ProductID, s.OpenReorder) {
			s.OpenReorder = 0
		}
		return defaultStep(s, e, e.Quantity, 0, steps)
	}
	taken := min(e.Quantity, s.Stock)
	return defaultStep(s, e, -taken, e.Quantity-taken, steps)
}

// defaultStep writes one update and applies rules 3, 4 and 5 to it.
func defaultStep(s *State, e *event.Entry, delta, unmet int64, steps []Step) []Step {
	steps, step := update(s, e, delta, steps)
	step.Update.UnmetQuantity = unmet
	p := &s.Product
	if s.Stock <= p.ReorderThreshold && s.OpenReorder == 0 && p.ReorderQuantity > 0 && !s.Delisted {
		step.reorder(s.Stock < p.CriticalThreshold)
		s.OpenReorder = s.Seq
	}
	low := s.Stock <= p.CriticalThreshold
	if low && !s.Low && !s.Delisted {
		step.alert()
	}
	s.Low = low
	return steps
}
