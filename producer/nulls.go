package producer

// One rule holds for everything that is computed from a null or an absent field: it is
// null. A text is null if all fields in it are, and empty where one of them is; a copy
// is absent where its field is.

// either returns the test that a or b holds; a test that is nil never holds.
func either(a, b testFunc) testFunc {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return func(w *worker, f *frame) bool { return a(w, f) || b(w, f) }
}

// both returns the test that a and b hold; a test that is nil never holds.
func both(a, b testFunc) testFunc {
	if a == nil || b == nil {
		return nil
	}
	return func(w *worker, f *frame) bool { return a(w, f) && b(w, f) }
}

// except returns the test that a holds and b does not.
func except(a, b testFunc) testFunc {
	if a == nil || b == nil {
		return a
	}
	return func(w *worker, f *frame) bool { return !b(w, f) && a(w, f) }
}

func always(*worker, *frame) bool { return true }

// missing returns the test that a value is null or absent; nil: never.
func (n *node) missing() testFunc { return either(n.absent, n.null) }

// within returns a field of an object that may itself be missing: the field then is
// null.
func (n *node) within(object *node) *node {
	missing := object.missing()
	if missing == nil {
		return n
	}
	out := *n
	out.null, out.absent, out.guarded = either(missing, n.null), except(n.absent, missing), false
	return &out
}

// orEmpty returns a plain value's text, empty where it is null or absent.
func (n *node) orEmpty() appendFunc {
	if n.guarded {
		return n.text
	}
	return unless(n.missing(), n.text)
}

// unless writes nothing where skip holds; nil: never.
func unless(skip testFunc, write appendFunc) appendFunc {
	if skip == nil {
		return write
	}
	return func(w *worker, f *frame, dst []byte) []byte {
		if skip(w, f) {
			return dst
		}
		return write(w, f, dst)
	}
}

// guard makes a number's field null where the expression is.
func guard(n *node, null testFunc) *node {
	n.null = null
	return n
}

// unlessZero returns a number's function, 0 where skip holds; nil: never.
func unlessZero(skip testFunc, num numFunc) numFunc {
	if skip == nil || num == nil {
		return num
	}
	return func(w *worker, f *frame) int64 {
		if skip(w, f) {
			return 0
		}
		return num(w, f)
	}
}
