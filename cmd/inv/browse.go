package main

import (
	"context"
	"io"
	"strings"

	"inv/inspect"
	"inv/inspect/browse"
	"inv/internal/theme"

	"github.com/aymanbagabas/go-osc52/v2"
	"github.com/twmb/franz-go/pkg/kgo"
)

// browse runs --tui. It starts with more records than a screen holds by default.
func (t *tailFlags) browse(ctx context.Context, s *streams, client *kgo.Client, o inspect.Options, colors *theme.Theme, views map[string]*inspect.View, labels map[string]string) error {
	pretty, err := t.prettyOptions(s, colors, views, labels)
	if err != nil {
		return err
	}
	if o.Last == inspect.DefaultLast && !t.changed("last") {
		o.Last = 500
	}
	out := s.out
	if p, ok := out.(pipe); ok {
		out = p.Writer // the terminal itself, so that its size is known
	}
	collector := &browse.Collector{}
	o.Renderer, o.Notice = collector, collector.Notice
	for _, note := range t.notes {
		collector.Notice(note)
	}
	model := browse.New(collector, browse.Options{
		Title: strings.Join(o.Topics, " "), Theme: colors, Pretty: pretty,
		Copy: func(text string) { _, _ = osc52.New(text).WriteTo(out) }, // a terminal without a clipboard ignores it
		Rest: restOf,
	})
	return browse.Run(ctx, model, s.in, out, func(ctx context.Context) error {
		_, err := inspect.Run(ctx, client, o, io.Discard)
		return tailHint(err)
	})
}
