package registry

import "fmt"

// avroSkipper moves past the next value of the input.
type avroSkipper func(in *avroInput) error

// skipper compiles a type into a skipper.
func (c *avroResolver) skipper(t *avroType) avroSkipper {
	switch t.kind {
	case "null":
		return func(*avroInput) error { return nil }
	case "boolean":
		return skipFixed(1)
	case "int", "long", "enum":
		return func(in *avroInput) error { _, err := in.long(); return err }
	case "float":
		return skipFixed(4)
	case "double":
		return skipFixed(8)
	case "string", "bytes":
		return func(in *avroInput) error { _, err := in.sized(); return err }
	case "fixed":
		return skipFixed(t.size)
	case "union":
		return c.skipUnion(t)
	case "array":
		return skipBlocks(c.skipper(t.elem))
	case "map":
		value := c.skipper(t.elem)
		return skipBlocks(func(in *avroInput) error {
			if _, err := in.sized(); err != nil {
				return err
			}
			return value(in)
		})
	}
	return c.skipRecord(t)
}

func skipFixed(size int) avroSkipper {
	return func(in *avroInput) error { _, err := in.bytes(int64(size)); return err }
}

func (c *avroResolver) skipUnion(t *avroType) avroSkipper {
	branches := make([]avroSkipper, len(t.branches))
	for i, b := range t.branches {
		branches[i] = c.skipper(b)
	}
	return func(in *avroInput) error {
		i, err := in.long()
		if err != nil {
			return err
		}
		if i < 0 || i >= int64(len(branches)) {
			return fmt.Errorf("a union has no branch %d", i)
		}
		return branches[i](in)
	}
}

// skipBlocks skips item by item: the size that some blocks have may be wrong, and a value
// is not to depend on it.
func skipBlocks(item avroSkipper) avroSkipper {
	return func(in *avroInput) error {
		if in.depth++; in.depth > maxDepth {
			return errDeep
		}
		for {
			count, err := in.count()
			if err != nil {
				return err
			}
			if count == 0 {
				in.depth--
				return nil
			}
			for range count {
				if in.skipped++; in.skipped > maxJSON {
					return errLarge
				}
				if err := item(in); err != nil {
					return err
				}
			}
		}
	}
}

func (c *avroResolver) skipRecord(t *avroType) avroSkipper {
	if s := c.skips[t]; s != nil {
		return func(in *avroInput) error { return (*s)(in) }
	}
	self := new(avroSkipper)
	c.skips[t] = self
	fields := make([]avroSkipper, len(t.fields))
	for i := range t.fields {
		fields[i] = c.skipper(t.fields[i].typ)
	}
	*self = func(in *avroInput) error {
		if in.depth++; in.depth > maxDepth {
			return errDeep
		}
		for _, skip := range fields {
			if err := skip(in); err != nil {
				return err
			}
		}
		in.depth--
		return nil
	}
	return *self
}
