package producer

import (
	"slices"

	"github.com/twmb/avro"
)

// fit is how many of a value's values fit a type.
type fit uint8

const (
	fitsNever fit = iota
	fitsSometimes
	fitsAlways
)

// fits returns whether the values of a node, which are not null, fit a type. Where that is
// not certain, they do sometimes.
func (e *avroEncoder) fits(n *node, t *avro.SchemaNode) fit {
	t = e.resolved(t)
	switch {
	case t.Type == "null":
		return fitsNever
	case n.kind == kindMixed:
		return fitsSometimes
	case n.kind == kindChoice:
		return allFit(n.choices, func(of *node) fit { return e.fits(of, t) })
	case n.kind == kindObject:
		return e.objectFits(n, t)
	case n.kind == kindList:
		return e.listFits(n, t)
	case t.Type == "record" || t.Type == "error" || t.Type == "array" || t.Type == "map":
		return fitsNever
	case n.kind == kindBool:
		return certainly(t.Type == "boolean")
	case n.kind == kindNumber:
		return numberFits(n, t)
	case n.kind == kindString:
		return textFits(n, t)
	}
	return fitsSometimes
}

func certainly(ok bool) fit {
	if ok {
		return fitsAlways
	}
	return fitsNever
}

// allFit returns how many of some values fit.
func allFit(nodes []*node, fits func(*node) fit) fit {
	never, always := true, true
	for _, n := range nodes {
		of := fits(n)
		never, always = never && of == fitsNever, always && of == fitsAlways && n.null == nil
	}
	switch {
	case always:
		return fitsAlways
	case never && len(nodes) > 0:
		return fitsNever
	}
	return fitsSometimes
}

func numberFits(n *node, t *avro.SchemaNode) fit {
	_, l, decimal := n.decimalLimits(t.Precision, t.Scale)
	switch t.Type {
	case "boolean", "string", "enum":
		return fitsNever
	case "int":
		if n.wholeWithin(limits32()) && t.LogicalType == "" {
			return fitsAlways
		}
	case "long":
		if n.isWhole() && t.LogicalType == "" {
			return fitsAlways
		}
	case "double":
		return fitsAlways
	case "bytes":
		if t.LogicalType == "decimal" && decimal && n.limits.low >= l.low && n.limits.high <= l.high {
			return fitsAlways
		}
	}
	return fitsSometimes
}

func textFits(n *node, t *avro.SchemaNode) fit {
	switch {
	case t.Type == "boolean":
		return fitsNever
	case t.Type == "string" && t.LogicalType == "", t.Type == "string" && t.LogicalType == "uuid" && n.uuid, t.LogicalType == "date" && n.date && n.day:
		return fitsAlways
	case t.Type == "enum" && n.symbols != nil && !slices.ContainsFunc(n.symbols, func(s string) bool { return !slices.Contains(t.Symbols, s) }):
		return fitsAlways
	case (t.Type == "int" || t.Type == "long") && t.LogicalType == "":
		return fitsNever
	}
	return fitsSometimes
}

func (e *avroEncoder) objectFits(n *node, t *avro.SchemaNode) fit {
	if t.Type != "record" && t.Type != "error" && t.Type != "map" {
		return fitsNever
	}
	if t.Type == "map" {
		return fitsSometimes
	}
	out := fitsAlways
	for _, f := range n.fields {
		i := slices.IndexFunc(t.Fields, func(of avro.SchemaField) bool { return of.Name == f.name })
		switch {
		case i < 0 && f.node.absent == nil:
			return fitsNever
		case i < 0 || f.node.absent != nil || f.node.null != nil:
			out = min(out, fitsSometimes)
		default:
			out = min(out, e.fieldFits(f.node, &t.Fields[i].Type))
		}
	}
	for _, of := range t.Fields {
		if n.written(of.Name) == nil && !of.HasDefault {
			out = min(out, fitsSometimes)
		}
	}
	return out
}

// fieldFits returns how many of a field's values fit its type, which may be a union.
func (e *avroEncoder) fieldFits(n *node, t *avro.SchemaNode) fit {
	if t = e.resolved(t); t.Type != "union" {
		return e.fits(n, t)
	}
	out := fitsNever
	for i := range t.Branches {
		out = max(out, e.fits(n, &t.Branches[i]))
	}
	return out
}

func (e *avroEncoder) listFits(n *node, t *avro.SchemaNode) fit {
	if t.Type != "array" {
		return fitsNever
	}
	if n.elem != nil {
		return max(fitsSometimes, allFit([]*node{n.elem}, func(of *node) fit { return e.fieldFits(of, t.Items) })) // it may be empty
	}
	return allFit(n.items, func(of *node) fit { return e.fieldFits(of, t.Items) })
}
