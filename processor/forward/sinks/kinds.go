package sinks

import (
	"errors"

	"inv/internal/scenario"
	"inv/processor/forward"
	"inv/processor/forward/compose"
	"inv/processor/forward/files"
	"inv/processor/forward/mail"
	"inv/processor/forward/postgres"
	"inv/processor/forward/webhook"
)

// connect makes the receiver of a sink. A new kind is a line here, and a function below.
func (s *Sink) connect(d *scenario.Sink, vars *compose.Variables, o Options) error {
	switch {
	case d.HTTP != nil:
		return s.http(d, vars, o)
	case d.Email != nil:
		return s.email(d, vars, o)
	case d.Files != nil:
		return s.files(d, vars, o)
	case d.Postgres != nil:
		return s.postgres(d, vars, o)
	}
	return errors.New("this program has no receiver of its kind")
}

func (s *Sink) http(d *scenario.Sink, vars *compose.Variables, o Options) error {
	sender, err := webhook.New(d.HTTP, webhook.Options{Vars: vars, Lanes: d.Lanes, Version: o.Version})
	if err != nil {
		return err
	}
	s.Sink, s.Config.JSON, s.Config.Limit = sender, true, forward.Limit(d.HTTP.Limit)
	return nil
}

func (s *Sink) email(d *scenario.Sink, vars *compose.Variables, o Options) error {
	sender, err := mail.New(d.Email, mail.Options{Vars: vars, At: o.At})
	if err != nil {
		return err
	}
	s.Sink, s.Config.JSON, s.Config.Limit = sender, true, forward.Limit(d.Email.Limit)
	return nil
}

func (s *Sink) files(d *scenario.Sink, vars *compose.Variables, o Options) error {
	folder, _ := vars.Text(&d.Files.Folder).Constant() // a folder has no fields
	store, err := files.New(files.Options{App: o.App, Name: d.Name, Sink: d.Files, Folder: folder, At: o.At})
	if err != nil {
		return err
	}
	s.Sink, s.Config.JSON = store, store.NeedsJSON()
	return nil
}

func (s *Sink) postgres(d *scenario.Sink, vars *compose.Variables, o Options) error {
	store, err := postgres.New(postgres.Config{App: o.App, Sink: d, Vars: vars, At: o.At})
	if err != nil {
		return err
	}
	s.Sink, s.Config.JSON = store, true
	return nil
}
