package score

import (
	"fmt"
	"io"
	"strings"

	"inv/internal/termsafe"
	"inv/internal/theme"
)

// WriteText writes the result for a reader. The text is safe for a terminal.
func (r *Result) WriteText(w io.Writer, t *theme.Theme) error {
	var b strings.Builder
	line := func(color, format string, args ...any) {
		text := t.Glyphs(termsafe.Sprintf(format, args...))
		if color != "" {
			text = color + text + t.Reset
		}
		b.WriteString(text + "\n")
	}
	line("", "%d inputs, %d labelled; %d outputs, about %d ids", r.Inputs, r.Labelled, r.Outputs, r.Found)
	line("", "  true positives   %9d  labelled and found", r.True)
	line("", "  false positives  %9d  found, and not labelled", r.False)
	line("", "  false negatives  %9d  labelled, and not found", r.Missed)
	line(t.Strong, "  precision        %9s", percent(r.Precision))
	line(t.Strong, "  recall           %9s", percent(r.Recall))
	if len(r.Labels) == 0 {
		_, err := io.WriteString(w, b.String())
		return err
	}
	b.WriteByte('\n')
	name := len("LABEL")
	for _, l := range r.Labels {
		name = max(name, termsafe.Width([]byte(termsafe.String(l.Name))))
	}
	line("", "LABEL%s  LABELLED  FOUND  RECALL   CLAIMED  RIGHT  PRECISION", strings.Repeat(" ", name-len("LABEL")))
	for _, l := range r.Labels {
		pad := strings.Repeat(" ", name-termsafe.Width([]byte(termsafe.String(l.Name))))
		line("", "%s%s  %8d  %5d  %7s  %7d  %5d  %9s", l.Name, pad, l.Labelled, l.Found, percent(l.Recall), l.Claimed, l.Right, percent(l.Precision))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func percent(share *float64) string {
	if share == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100**share)
}
