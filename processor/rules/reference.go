package rules

import "inv/internal/event"

// referenceUrgent is the stock at or below which the reference system's
// reorders are urgent, whatever the product.
const referenceUrgent = 5

// Reference is the rules of the reference system: stock starts at 0 without an
// opening update, catalogue changes write nothing, unmet demand is forgotten,
// and every update at or below a threshold has its reorder and its alert. A
// reorder that comes back through its topic is an [event.EntryReceipt]. Seq,
// delta, cause and the ids are ours: the reference has none, or random ones.
//
// A reorder quantity of 0 writes no reorder here either: coming back it would
// change nothing, and be written again for ever.
func Reference(s State, e event.Entry, steps []Step) (State, []Step) {
	switch e.Kind {
	case event.EntryProduct:
		opening := !s.Opened
		s.Product, s.Opened, s.Delisted = e.Product, true, false
		if opening {
			waiting := s.Waiting
			s.Waiting = nil
			for _, w := range waiting {
				s, steps = referenceStep(s, w, steps)
			}
		}
		return s, steps
	case event.EntryDelist:
		s.Delisted = true
		return s, steps
	}
	if !s.Opened {
		return wait(s, e), steps
	}
	return referenceStep(s, e, steps)
}

func referenceStep(s State, e event.Entry, steps []Step) (State, []Step) {
	delta := e.Quantity
	if e.Kind == event.EntryLine {
		delta = -min(e.Quantity, s.Stock)
	}
	var step Step
	s, step.Update = update(s, e, delta)
	p := &s.Product
	if s.Stock <= p.ReorderThreshold && p.ReorderQuantity > 0 && !s.Delisted {
		step.Reorders = true
		step.Reorder = reorder(s, &step.Update, s.Stock <= referenceUrgent)
	}
	if s.Stock <= p.CriticalThreshold && !s.Delisted {
		step.Alerts = true
		step.Alert = alert(s, &step.Update)
	}
	return s, append(steps, step)
}
