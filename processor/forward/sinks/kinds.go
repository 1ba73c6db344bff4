package sinks

import (
	"fmt"

	"inv/internal/scenario"
	"inv/processor/forward"
	"inv/processor/forward/compose"
	"inv/processor/forward/files"
	"inv/processor/forward/webhook"
)

// receiverOf makes the receiver of a sink, and reports whether it needs values as JSON. A
// new kind is a line here.
func receiverOf(d *scenario.Sink, vars *compose.Variables, o Options, c *forward.Config) (forward.Sink, bool, error) {
	switch {
	case d.HTTP != nil:
		return newWebhook(d, vars, o, c)
	case d.Files != nil:
		return newFiles(d, vars, o)
	}
	return nil, false, fmt.Errorf("inv knows no receiver for it")
}

func newFiles(d *scenario.Sink, vars *compose.Variables, o Options) (forward.Sink, bool, error) {
	folder, _ := vars.Text(&d.Files.Folder).Constant() // a folder has no fields
	s, err := files.New(files.Options{App: o.App, Name: d.Name, Sink: d.Files, Folder: folder, At: o.At})
	if err != nil {
		return nil, false, err
	}
	return s, s.NeedsJSON(), nil
}

func newWebhook(d *scenario.Sink, vars *compose.Variables, o Options, c *forward.Config) (forward.Sink, bool, error) {
	c.Limit = forward.Limit(d.HTTP.Limit)
	s, err := webhook.New(d.HTTP, webhook.Options{Vars: vars, Lanes: d.Lanes, Version: o.Version})
	if err != nil {
		return nil, false, err
	}
	return s, true, nil
}
