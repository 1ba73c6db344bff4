package inspect

import "inv/internal/theme"

// Severity is how urgent a record is.
type Severity uint8

// The severities, from the most urgent.
const (
	Critical Severity = iota
	Warning
	Good
	Plain // no condition of the topic's view holds
	severities
)

var (
	severityKeys  = [severities]string{"critical", "warning", "good", ""}
	severityWords = [severities]string{"CRITICAL", "WARNING ", "OK      ", "        "}
)

// String returns the severity's key in a view, "" for Plain.
func (s Severity) String() string { return severityKeys[s] }

// Color returns the escape string of the severity in a theme.
func (s Severity) Color(t *theme.Theme) string {
	return [severities]string{t.Critical, t.Warning, t.Good, ""}[s]
}
