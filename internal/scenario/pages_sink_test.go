package scenario

import (
	"fmt"
	"strings"
)

func forwardPage() string {
	return keysPage([]section{
		{"A sink: one of `http`, `email`, `files` and `postgres`", sinkTable()},
		{"`group:`", groupingTable()},
		{"`http:`, with one of `post`, `put` and `patch`", httpTable()},
		{"`email:`", emailTable()},
		{"`files:`", filesTable()},
		{"`roll:`", rollTable()},
		{"`postgres:`", postgresTable()},
		{"A table, under `tables:`, with one of `append` and `upsert`", tableTable()},
		{"A column, under `columns:`, unless it is only a type", sinkColumnTable()},
	})
}

// sinkPages writes about the sinks.
func sinkPages(b *strings.Builder, s *Scenario, source string) {
	if len(s.Sinks) > 0 {
		b.WriteString("\n## Sinks\n\nEach has `{app}-forward-NAME.dlq`, with what it can't deliver, and `{app}-forward-NAME.retry`.\n")
	}
	for i := range s.Sinks {
		k := &s.Sinks[i]
		fmt.Fprintf(b, "\n### %s\n\n%s: `%s` → %s.", k.Name, strings.TrimSpace(k.About), strings.Join(k.From, "`, `"), k.receiver())
		if names := k.Variables(); len(names) > 0 {
			fmt.Fprintf(b, " It needs the variables `%s`.", strings.Join(names, "`, `"))
		}
		if k.Off {
			fmt.Fprintf(b, " It is off: `inv forward %s` runs it.", k.Name)
		}
		b.WriteString("\n\n```yaml\n" + excerpt(k.Pos, source) + "```\n")
	}
}

func (k *Sink) receiver() string {
	switch {
	case k.HTTP != nil:
		return "HTTP"
	case k.Email != nil:
		return "e-mail"
	case k.Files != nil:
		return k.Files.Format + " files"
	}
	return "PostgreSQL"
}
