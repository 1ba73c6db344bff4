package rules

import "inv/internal/event"

// referenceUrgent is the stock at or below which the reference system's
// reorders are urgent, whatever the product.
const referenceUrgent = 5

// Reference returns the rules of the reference system: stock starts at 0 without an
// opening update, catalogue changes write nothing, unmet demand is forgotten,
// and every update at or below a threshold has its reorder and its alert. A
// reorder that comes back through its topic is an [event.EntryReceipt]. Seq,
// delta, cause and the ids are ours: the reference has none, or random ones.
//
// A reorder quantity of 0 writes no reorder here either: coming back it would
// change nothing, and be written again for ever.
func Reference(s *State, e *event.Entry, steps []Step) []Step {
	switch e.Kind {
	case event.EntryProduct:
		opening := !s.Opened
		s.list(e.Product)
		if opening {
			waiting := s.Waiting
			s.Waiting = nil
			for i := range waiting {
				steps = referenceStep(s, &waiting[i], steps)
			}
		}
		return steps
	case event.EntryDelist:
		s.Delisted = true
		return steps
	}
	if !s.Opened {
		s.wait(e)
		return steps
	}
	return referenceStep(s, e, steps)
}

func referenceStep(s *State, e *event.Entry, steps []Step) []Step {
	delta := e.Quantity
	if e.Kind == event.EntryLine {
		delta = -min(e.Quantity, s.Stock)
	}
	steps, step := update(s, e, delta, steps)
	p := &s.Product
	if s.Stock <= p.ReorderThreshold && p.ReorderQuantity > 0 && !s.Delisted {
		step.reorder(s.Stock <= referenceUrgent)
	}
	if s.Stock <= p.CriticalThreshold && !s.Delisted {
		step.alert()
	}
	return steps
}
