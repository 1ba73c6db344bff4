package inspect

import "inv/internal/theme"

// Severity is what a record means to who watches.
type Severity uint8

// The severities, from the loudest.
const (
	Critical Severity = iota
	Warning
	Good
	Plain // no condition holds, or the topic has none
	severities
)

var (
	severityKeys  = [severities]string{"critical", "warning", "good", ""}
	severityWords = [severities]string{"CRITICAL", "WARNING ", "OK      ", "        "}
)

// String returns the severity as JSON output names it.
func (s Severity) String() string { return severityKeys[s] }

// Color returns the escape string of the severity in a theme.
func (s Severity) Color(t *theme.Theme) string {
	switch s {
	case Critical:
		return t.Critical
	case Warning:
		return t.Warning
	case Good:
		return t.Good
	}
	return ""
}
