package main

import (
	"context"

	"inv/internal/registry"
	"inv/internal/scenario"
	"inv/processor/declared"
	"inv/producer"
)

// outputFormats compiles the schemas of the topics that a declared topology writes, for
// runs without a cluster and a registry.
func outputFormats(ctx context.Context, sc *scenario.Scenario, t *scenario.Topology) (declared.Formats, error) {
	type column struct {
		alias string
		key   bool
	}
	shapes := producer.NewShapes(sc)
	schemas := map[column]*registry.Schema{}
	for _, alias := range t.Writes() {
		topic, _ := sc.Topic(alias)
		for _, key := range []bool{false, true} {
			format, err := topicFormat(ctx, shapes, topic, key, registryFlags{})
			if err != nil {
				return nil, err
			}
			if format != nil {
				schemas[column{alias, key}] = format.Schema
			}
		}
	}
	if len(schemas) == 0 {
		return nil, nil
	}
	return func(alias string, key bool) *registry.Schema { return schemas[column{alias, key}] }, nil
}
