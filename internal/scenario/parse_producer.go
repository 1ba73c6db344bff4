package scenario

import (
	"encoding/xml"
	"slices"
	"strconv"
	"strings"
	"time"

	"inv/internal/kafka/partition"

	"gopkg.in/yaml.v3"
)

// producerTable returns the keys of a producer.
func producerTable() []attr {
	return append([]attr{
		must(attr{name: "topic", about: "the alias of its topic, or {by: FIELD, to: {VALUE: ALIAS}, else: ALIAS}", schema: obj{"anyOf": []any{
			obj{"type": "string"}, mappingSchema(routeTable())}},
			read: func(d *Decoder, n *yaml.Node, t any) { d.destination(n, t.(*Producer)) }}),
		textAttr("type", "the CloudEvents type of its records; NAME.v1 by default", func(p *Producer) *string { return &p.Type }),
		{name: "key", about: "the field that is the record's key, null, or a generator with `encoding:`; an object's key is its JSON", schema: keySchema(),
			read: func(d *Decoder, n *yaml.Node, t any) { t.(*Producer).Key = d.key(n) }},
		{name: "format", about: "json (the default), {xml: ROOT} with attributes named @…, {text: LINE} with {field} placeholders, or csv, for plain values", schema: obj{"anyOf": []any{
			obj{"enum": []any{"json", "csv"}}, mappingSchema(xmlTable()), mappingSchema(textTable())}},
			read: func(d *Decoder, n *yaml.Node, t any) { d.format(n, &t.(*Producer).Format) }},
		{name: "headers", about: "headers besides those of CloudEvents", schema: ref("fields"),
			read: func(d *Decoder, n *yaml.Node, t any) {
				if o, ok := d.object(n, "headers").Spec.(*Object); ok {
					t.(*Producer).Headers = o.Fields
					d.notEvolved(o.Fields)
				}
			}},
		genAttr("partition", "a generator of partition numbers", func(p *Producer) **Gen { return &p.Partition }),
		choiceAttr("partitioner", "how keys map to partitions; by default murmur2, as in the Java client; crc32 is as in librdkafka, where an empty key is no key", func(p *Producer) *string { return &p.Partitioner },
			partition.Names()...),
	}, append(contentTable(), paceTable()...)...)
}

func routeTable() []attr {
	return []attr{
		must(nameAttr("by", "the field that decides", func(r *Route) *Name { return &r.By })),
		must(attr{name: "to", about: "the aliases of topics by the field's value", schema: obj{"type": "object", "minProperties": 1, "additionalProperties": obj{"type": "string"}},
			read: func(d *Decoder, n *yaml.Node, t any) {
				t.(*Route).Cases = entries(d, n, "to", func(key, value *yaml.Node) Case {
					return Case{key.Value, positionOf(key), d.name(value, "the topic of "+strconv.Quote(key.Value))}
				})
			}}),
		must(nameAttr("else", "the alias of the topic of all other records", func(r *Route) *Name { return &r.Else })),
	}
}

// destination reads where a producer's records go.
func (d *Decoder) destination(n *yaml.Node, p *Producer) {
	if n.Kind != yaml.MappingNode {
		p.Topic = d.name(n, "topic")
		return
	}
	p.Route = &Route{Pos: positionOf(n)}
	d.mapping(n, "topic", routeTable(), p.Route)
	p.Topic = p.Route.Else
	if len(p.Route.Cases) == 0 && p.Route.By.Text != "" && p.Topic.Text != "" {
		d.Problem(n, "topic: `to` has no value; for one topic, write its alias alone")
	}
}

func contentTable() []attr {
	return []attr{
		fieldsAttr("value", "the fields of a record", func(p *Producer) **Gen { return &p.Value }),
		{name: "rows", about: "the records, one by one; each is sent once", schema: obj{"type": "array", "items": ref("fields"), "minItems": 1},
			read: func(d *Decoder, n *yaml.Node, t any) {
				if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
					d.Problem(n, "rows has no row")
				}
				t.(*Producer).Rows = items(d, n, "rows", func(item *yaml.Node) *Gen { return d.object(item, "a row") })
			}},
		fieldsAttr("more", "the fields of generated rows, for more rows than the file has", func(p *Producer) **Gen { return &p.More }),
		boolAttr("read", "send nothing: the rows are the records in the topic", func(p *Producer) *bool { return &p.Read }),
		shareAttr("earlier", "the share of records that update an earlier key", func(p *Producer) *Share { return &p.Earlier }),
		shareAttr("tombstones", "the share of records that delete an earlier key", func(p *Producer) *Share { return &p.Tombstones }),
		boolAttr("live", "`earlier` and `tombstones` choose among the keys that were not deleted", func(p *Producer) *bool { return &p.Live }),
		{name: "states", about: "the states of an entity; each is a record", schema: obj{"type": "object",
			"minProperties": 1, "additionalProperties": obj{"anyOf": []any{mappingSchema(stateTable()), obj{"type": "null"}}}},
			read: func(d *Decoder, n *yaml.Node, t any) { t.(*Producer).States = d.states(n) }},
		{name: "causes", about: "records of other producers that follow a record of this one: their names, or mappings", schema: obj{"type": "array", "items": obj{"anyOf": []any{
			obj{"type": "string"}, mappingSchema(causeTable())}}},
			read: func(d *Decoder, n *yaml.Node, t any) {
				t.(*Producer).Causes = items(d, n, "causes", d.cause)
				if n.Kind != yaml.SequenceNode {
					t.(*Producer).Causes = []Cause{{}} // it causes something
				}
			}},
	}
}

func paceTable() []attr {
	return []attr{
		valueAttr("rate", "1s, 500/s, 0.5/s, 10/m or max", rateSchema(), func(p *Producer) **Rate { return &p.Rate }, optional((*Decoder).rate)),
		switchAttr("jitter", "poisson makes the gaps between records exponential", "none", "poisson", func(p *Producer) *bool { return &p.Pace.Poisson }),
		{name: "bursts", about: "a periodic burst at a higher rate", schema: mappingSchema(burstTable()),
			read: func(d *Decoder, n *yaml.Node, t any) {
				b := &Bursts{}
				t.(*Producer).Pace.Bursts = b
				d.mapping(n, "bursts", burstTable(), b)
			}},
		{name: "ramp", about: "a rise from a lower rate to `rate`, optionally with a fall back to it", schema: mappingSchema(rampTable()),
			read: func(d *Decoder, n *yaml.Node, t any) {
				t.(*Producer).Pace.Ramp = &Ramp{}
				d.mapping(n, "ramp", rampTable(), t.(*Producer).Pace.Ramp)
			}},
		valueAttr("daily", "in place of `rate`: rates by the time of the day, in UTC, such as {\"06:00\": 1/s, \"12:00\": 20/s}; it changes linearly in between",
			obj{"type": "object", "minProperties": 2, "additionalProperties": rateSchema()},
			func(p *Producer) *[]TimeOfDay { return &p.Pace.Daily }, (*Decoder).timesOfDay),
	}
}

func burstTable() []attr {
	return []attr{
		must(timeAttr("every", "the period of bursts", func(b *Bursts) *time.Duration { return &b.Every })),
		must(timeAttr("for", "how long a burst lasts", func(b *Bursts) *time.Duration { return &b.For })),
		must(rateAttr("rate", "the rate during a burst", func(b *Bursts) *Rate { return &b.Rate })),
	}
}

func rampTable() []attr {
	return []attr{
		must(rateAttr("from", "the rate at the start", func(r *Ramp) *Rate { return &r.From })),
		must(timeAttr("up", "how long it rises", func(r *Ramp) *time.Duration { return &r.Up })),
		timeAttr("hold", "how long it stays; without it and `down`, forever", func(r *Ramp) *time.Duration { return &r.Hold }),
		timeAttr("down", "how long it falls", func(r *Ramp) *time.Duration { return &r.Down }),
	}
}

func textTable() []attr {
	return []attr{must(templateAttr("text", "the value's text with {field} placeholders, such as a line of a log", func(f *Format) **Template { return &f.Text }))}
}

func xmlTable() []attr {
	return []attr{
		must(textAttr("xml", "the name of the root element", func(f *Format) *string { return &f.Root })),
		boolAttr("declaration", "begin with <?xml …?>", func(f *Format) *bool { return &f.Header }),
	}
}

func (d *Decoder) format(n *yaml.Node, f *Format) {
	f.Pos = positionOf(n)
	if n.Kind != yaml.MappingNode && n.Value == "xml" {
		d.Problem(n, "format: write {xml: ROOT} with the name of the root element")
		return
	}
	if n.Kind != yaml.MappingNode {
		f.Name = d.choice(n, "format", "json", "csv")
		return
	}
	f.Name = "xml"
	table := xmlTable()
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == "text" {
			f.Name, table = "text", textTable()
		}
	}
	d.mapping(n, "format", table, f)
	if f.Root != "" && !XMLName(f.Root) {
		d.Problem(n, "format: %q is not a valid name of an XML element", f.Root)
	}
}

// XMLName reports whether a text can be the name of an XML element, for parsers of the
// fourth edition of XML 1.0, such as Go's and Java's. A colon is for namespaces.
func XMLName(name string) bool {
	d := xml.NewDecoder(strings.NewReader("<" + name + "/>"))
	token, err := d.RawToken()
	start, ok := token.(xml.StartElement)
	return err == nil && ok && start.Name.Space == "" && start.Name.Local == name
}

func keySchema() obj {
	return obj{"anyOf": []any{obj{"type": []any{"string", "null"}}, ref("key")}}
}

// keyAttr returns the key that a record's key has in addition to those of a generator.
func keyAttr() attr {
	return choiceAttr("encoding", "string (the default), int32 or int64, big endian", func(k *Key) *string { return &k.Encoding }, "string", "int32", "int64")
}

func (d *Decoder) key(n *yaml.Node) *Key {
	k := &Key{Pos: positionOf(n), Encoding: "string"}
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
	case n.Kind == yaml.ScalarNode:
		k.Field = d.name(n, "key")
		if field := strings.Trim(n.Value, "{}"); field != n.Value && !strings.ContainsAny(field, "{}") {
			d.Problem(n, "key: write the field's name without braces: %s", field)
			return &Key{Pos: k.Pos, Encoding: k.Encoding}
		}
	default:
		n = d.merged(n)
		rest := *n
		rest.Content = nil
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Kind == yaml.MappingNode && n.Content[i].Value == "encoding" {
				keyAttr().read(d, n.Content[i+1], k)
				continue
			}
			rest.Content = append(rest.Content, n.Content[i], n.Content[i+1])
		}
		if n.Kind != yaml.MappingNode {
			d.Problem(n, "key must be a field's name, null or a generator, not %s", d.kindOf(n))
			return k
		}
		if len(rest.Content) == 2 && rest.Content[1].Tag == "!!null" && d.table()[rest.Content[0].Value].make == nil {
			d.Problem(n, "key: write the field's name without braces: %s", rest.Content[0].Value)
			return &Key{Pos: k.Pos, Encoding: k.Encoding}
		}
		k.Gen = d.gen(&rest, "key")
	}
	return k
}

func stateTable() []attr {
	return []attr{
		{name: "then", about: "the next state, or a mapping of states to shares", schema: obj{"anyOf": []any{
			obj{"type": "string"}, obj{"type": "object", "minProperties": 1, "additionalProperties": shareSchema()}}},
			read: func(d *Decoder, n *yaml.Node, t any) { t.(*StateSpec).Then = d.next(n) }},
		afterAttr("the delay from the state before", func(s *StateSpec) *Delay { return &s.After }),
	}
}

func (d *Decoder) states(n *yaml.Node) *States {
	s := &States{Pos: positionOf(n)}
	s.States = entries(d, n, "states", func(key, value *yaml.Node) StateSpec {
		state := StateSpec{Name: key.Value, Pos: positionOf(key)}
		if value.Kind == yaml.ScalarNode && value.Tag == "!!str" {
			d.Problem(value, "state %q must be a mapping; write {then: %s}", key.Value, value.Value)
		} else if value.Tag != "!!null" {
			d.mapping(value, "state "+strconv.Quote(key.Value), stateTable(), &state)
		}
		return state
	})
	if n.Kind == yaml.MappingNode && len(s.States) == 0 {
		d.Problem(n, "states has no state")
	}
	if len(s.States) == 0 {
		return s
	}
	first := s.States[0]
	s.Start = Name{first.Name, first.Pos}
	if first.After != (Delay{}) && !s.entered(first.Name) {
		d.ProblemAt(first.Pos, "state %q is the first, and no state leads to it: its `after:`, the delay from the state before, has no effect", first.Name)
	}
	return s
}

// entered reports whether a state leads to the one of this name.
func (s *States) entered(name string) bool {
	return slices.ContainsFunc(s.States, func(from StateSpec) bool {
		return slices.ContainsFunc(from.Then, func(to Next) bool { return to.State.Text == name })
	})
}

func (d *Decoder) next(n *yaml.Node) (next []Next) {
	if n.Kind == yaml.ScalarNode {
		return []Next{{d.name(n, "then"), 1}}
	}
	if n.Kind == yaml.SequenceNode {
		d.Problem(n, "then must be a state, or a mapping of states to shares, not a list")
		return nil
	}
	total := Share(0)
	d.Each(n, "then", func(key, value *yaml.Node) {
		share := d.share(value, key.Value)
		total += share
		next = append(next, Next{Name{key.Value, positionOf(key)}, share})
	})
	if total > 1.000001 {
		d.Problem(n, "then: the shares add up to %g%%", float64(total)*100)
	}
	return next
}

func afterAttr[T any](what string, at func(*T) *Delay) attr {
	schema := obj{"anyOf": []any{durationSchema(), pairOf(durationSchema()), mappingSchema(meanTable())}}
	return valueAttr("after", what+": 5m, [1h, 2h] (uniform) or {mean: 30s} (exponential)", schema, at, (*Decoder).delay)
}

func meanTable() []attr {
	return []attr{must(timeAttr("mean", "the mean of the exponential distribution", func(v *Delay) *time.Duration { return &v.Mean }))}
}

func (d *Decoder) delay(n *yaml.Node, what string) (v Delay) {
	if n.Kind == yaml.MappingNode {
		d.mapping(n, what, meanTable(), &v)
		return v
	}
	v.Range = d.periodOrRange(n, what)
	return v
}

func causeTable() []attr {
	return []attr{
		must(nameAttr("producer", "the producer of the record", func(c *Cause) *Name { return &c.Producer })),
		namesAttr("in", "only when the entity enters one of these states", func(c *Cause) *[]Name { return &c.In }),
		shareAttr("share", "the probability; 1 by default", func(c *Cause) *Share { return &c.Share }),
		genAttr("count", "the number of records; 1 by default", func(c *Cause) **Gen { return &c.Count }),
		afterAttr("the delay", func(c *Cause) *Delay { return &c.After }),
		intAttr("depth", "of producers that cause themselves, or each other in a cycle: how often at most; by default as in the rest of the cycle, or 8. Required where the records would not die out", 1, MaxDepth,
			func(c *Cause) *int { return &c.Depth }),
	}
}

func (d *Decoder) cause(n *yaml.Node) Cause {
	c := Cause{Pos: positionOf(n), Share: 1}
	if n.Kind == yaml.ScalarNode {
		c.Producer = d.name(n, "a cause")
		return c
	}
	d.mapping(n, "a cause", causeTable(), &c)
	return c
}

func (d *Decoder) producer(key, n *yaml.Node) Producer {
	p := Producer{Name: key.Value, Pos: positionOf(key), Format: Format{Name: "json"}, Partitioner: string(partition.ByMurmur2)}
	what := "producer " + strconv.Quote(key.Value)
	before := len(d.Problems)
	d.mapping(n, what, producerTable(), &p)
	if len(d.Problems) > before {
		return p
	}
	contents := 0
	for _, has := range []bool{p.Value != nil, p.Rows != nil, p.Read} {
		if has {
			contents++
		}
	}
	if contents != 1 {
		d.Problem(key, "%s needs one of `value:`, the fields of its records, `rows:` and `read: true`", what)
	}
	if err := p.Pace.Check(p.Rate); err != nil {
		d.Problem(key, "%s: %v", what, err)
	}
	if p.More != nil && p.Rows == nil {
		d.Problem(key, "%s has `more:` without `rows:`", what)
	}
	if p.Earlier+p.Tombstones > 1 {
		d.Problem(key, "%s: `earlier` and `tombstones` add up to more than 100%%", what)
	}
	return p
}
