package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"inv/internal/kafka/admin"
	"inv/internal/registry"
	"inv/producer"

	"github.com/spf13/cobra"
)

func topicsDescribe(s *streams, f *sharedFlags) *cobra.Command {
	var r registryFlags
	cmd := withOutput(&cobra.Command{
		Use:   "describe TOPIC…",
		Short: "Show the partitions, offsets, settings and schemas of topics",
		Long: `Show the partitions of topics, the settings that they override, and if a schema
registry is known, the versions of their schemas with the compatibility level
that the next version must meet. A topic is given by its name, its alias, or a
pattern such as 'order*'. As JSON, each partition is an object, with the settings
and the subjects of its topic.`,
		Args:              someArguments(whichTopic),
		ValidArgsFunction: f.completeTopics,
	}, func(ctx context.Context, args []string, format string) error {
		return f.withTopics(ctx, s, args, func(c *admin.Client, names []string) error {
			subjects, err := f.subjects(ctx, s, names, r)
			if err != nil {
				return err
			}
			return describeTopics(ctx, s, c, names, subjects, format)
		})
	})
	cmd.Flags().StringVar(&r.address, "registry", "", "the schema registry's `URL`, to show the schemas of topics")
	return cmd
}

// registryPatience is how long a description waits for the registry in all.
const registryPatience = 10 * time.Second

// subjects returns the subjects of topics in the registry; nil if none is known or it
// does not answer, which is only noted.
func (f *sharedFlags) subjects(ctx context.Context, s *streams, topics []string, r registryFlags) (map[string][]registry.Subject, error) {
	client, err := registryClient(r.address, f.registry)
	if client == nil {
		return nil, err
	}
	sc, err := f.loadScenario(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, registryPatience)
	defer cancel()
	found, shapes := map[string][]registry.Subject{}, producer.NewShapes(sc)
	for _, topic := range topics {
		found[topic] = []registry.Subject{}
		for _, name := range subjectsOf(ctx, shapes, f.appID, topic) {
			subject, ok, err := registry.Describe(ctx, client, name)
			if err != nil {
				s.errf("the schemas are not shown: the schema registry: %s\n", registry.AwayReason(err))
				return nil, nil
			}
			if ok {
				found[topic] = append(found[topic], subject)
			}
		}
	}
	return found, nil
}

// subjectsOf returns the names that the subjects of a topic may have: those of the
// default strategy, and those that the scenario's schemas have by its own.
func subjectsOf(ctx context.Context, shapes *producer.Shapes, app, topic string) []string {
	names := []string{topic + "-key", topic + "-value"}
	for _, t := range shapes.Scenario.Topics {
		if t.NameFor(app) != topic {
			continue
		}
		for _, key := range []bool{true, false} {
			format, err := topicFormat(ctx, shapes, t, key, registryFlags{})
			if format == nil || err != nil {
				continue // what is wrong with it, validate says
			}
			if name, err := registry.SubjectName(topic, key, format.Subject, format.Schema); err == nil && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

func describeTopics(ctx context.Context, s *streams, c *admin.Client, names []string, subjects map[string][]registry.Subject, format string) error {
	partitions, err := c.Partitions(ctx, names...)
	if err != nil {
		return err
	}
	out := rows{header: []string{"TOPIC", "PARTITION", "START", "STABLE", "END", "LEADER", "REPLICAS"}}
	for _, p := range partitions {
		out.add(p.Topic, p.Partition, p.Start, p.Stable, p.End, p.Leader, p.Replicas)
	}
	settings, hidden, unreadable := c.Settings(ctx, names...)
	if format == "json" {
		out.header = append(out.header, "SETTINGS")
		for i, p := range partitions {
			own := settingsOf(settings, p.Topic)
			if slices.Contains(hidden, p.Topic) {
				own = nil
			}
			out.cells[i] = append(out.cells[i], own)
		}
		if subjects != nil {
			out.header = append(out.header, "SUBJECTS")
			for i, p := range partitions {
				out.cells[i] = append(out.cells[i], subjects[p.Topic])
			}
		}
	}
	if err := out.write(s, format); err != nil || format == "json" {
		return cmp.Or(err, unreadable)
	}
	out = rows{header: []string{"TOPIC", "SETTING", "VALUE"}}
	for _, setting := range settings {
		out.add(setting.Topic, setting.Key, setting.Value)
	}
	return cmp.Or(out.writeNext(s), subjectRows(names, subjects).writeNext(s), unreadable)
}

// subjectRows lists the versions of subjects.
func subjectRows(topics []string, subjects map[string][]registry.Subject) *rows {
	out := &rows{header: []string{"TOPIC", "SUBJECT", "VERSION", "ID", "TYPE", "COMPATIBILITY"}}
	for _, topic := range topics {
		for _, subject := range subjects[topic] {
			if subject.Earlier > 0 {
				out.add(topic, subject.Name, fmt.Sprintf("(%d earlier)", subject.Earlier), "", "", subject.Level)
			}
			for _, v := range subject.Versions {
				out.add(topic, subject.Name, v.Version, v.ID, v.Form, subject.Level)
			}
		}
	}
	return out
}

// writeNext writes a listing below another one; nothing if it is empty.
func (r *rows) writeNext(s *streams) error {
	if len(r.cells) == 0 {
		return nil
	}
	fmt.Fprintln(s.out)
	return r.write(s, "text")
}
