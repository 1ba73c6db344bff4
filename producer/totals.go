package producer

import "math/big"

// maxQuotients bounds how many quotients are added up: their common denominator has as
// many digits as all of theirs together.
const maxQuotients = 1000

// anyElement returns the test that an element of a list satisfies a test; nil: never.
func anyElement(list *node, test testFunc) testFunc {
	if test == nil {
		return nil
	}
	length, enter := list.length, list.enter
	return func(w *worker, f *frame) bool {
		count, found := length(w, f), false
		e := w.push()
		for i := int64(0); i < count && !found; i++ {
			enter(w, f, e, i)
			found = test(w, e)
		}
		w.pop()
		return found
	}
}

// totalOf returns the sum of a number over the elements of a list.
func totalOf(list *node, x *numeric) *numeric {
	lengths := list.limits.span()
	total := &numeric{bottom: x.bottom, dec: x.dec, span: x.span.times(lengths)}
	switch {
	case x.bottom == nil:
		total.top = totalTerm(list, x.top, lengths)
	case x.bottom.span.single():
		total.top = totalTerm(list, x.top, lengths)
		total.bottom = constantTerm(x.bottom.span.low.Num())
	default:
		total.quotient = totalQuotient(list, x)
	}
	return total
}

func totalTerm(list *node, of *term, lengths span) *term {
	length, enter, num, exact := list.length, list.enter, of.num, of.exact
	return completed(of.span.times(lengths), func(w *worker, f *frame) (total int64) {
		count := length(w, f)
		e := w.push()
		for i := range count {
			enter(w, f, e, i)
			total += num(w, e)
		}
		w.pop()
		return total
	}, func(w *worker, f *frame) *big.Int {
		total := w.bigs.take().SetInt64(0)
		used := w.bigs.used
		count := length(w, f)
		e := w.push()
		for i := range count {
			enter(w, f, e, i)
			total.Add(total, exact(w, e))
			w.bigs.used = used
		}
		w.pop()
		return total
	}, of)
}

// totalQuotient returns the function that adds up quotients. It allocates: their common
// denominator can have any size.
func totalQuotient(list *node, x *numeric) func(w *worker, f *frame) *big.Rat {
	length, enter := list.length, list.enter
	return func(w *worker, f *frame) *big.Rat {
		total, part := new(big.Rat), new(big.Rat)
		count := length(w, f)
		e := w.push()
		for i := range count {
			enter(w, f, e, i)
			used := w.bigs.used
			if bottom := x.bottom.exact(w, e); bottom.Sign() != 0 {
				total.Add(total, part.SetFrac(x.top.exact(w, e), bottom))
			}
			w.bigs.used = used
		}
		w.pop()
		return total
	}
}
