package dashboard

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// drawPanels returns a heading and the last records of each declared topology, as many as
// fit into a height; 0: all.
func (s *Screen) drawPanels(height int) (lines []string) {
	all := s.frame.Topologies
	if len(all) == 0 {
		return []string{"", s.line().put(s.colors.Dim, "  No topology of the scenario has written anything yet.").String()}
	}
	each := panelLines
	if height > 0 {
		each = max(1, min(panelLines, height/len(all)-2))
	}
	for i := range all {
		p := &all[i]
		lines = append(lines, "", s.panelHead(p))
		for _, r := range p.Last[:min(len(p.Last), each)] {
			lines = append(lines, s.panelLine(p, &r))
		}
		if len(p.Last) == 0 {
			lines = append(lines, s.line().put(s.colors.Dim, "  no records yet").String())
		}
	}
	return lines
}

// panelHead is a topology's name and its hour in minutes, to now or, if it is older, to
// its last record.
func (s *Screen) panelHead(p *Panel) string {
	var end, n int64
	if s.frame.Status != nil {
		end = s.frame.Status.Now - s.frame.Status.Now%minuteLength
	}
	if m := len(p.Minutes); m > 0 && p.Minutes[m-1].Time <= end-hour {
		end = p.Minutes[m-1].Time
	}
	values := make([]int64, hour/minuteLength)
	for _, m := range p.Minutes {
		if i := int64(len(values)) - 1 - (end-m.Time)/minuteLength; i >= 0 && i < int64(len(values)) {
			values[i] += m.Records
			n += m.Records
		}
	}
	l := s.line().put(s.colors.Strong, " "+p.Topology).put(s.colors.Dim, fmt.Sprintf("  %d in 1 h ", n)).put("", s.mark(Outputs)+" ")
	return l.put(s.colors.Dim, sparkline(values, min(l.left-1, len(values)))).String()
}

func (s *Screen) panelLine(p *Panel, r *PanelLine) string {
	color := map[string]string{"critical": s.colors.Critical, "warning": s.colors.Warning, "good": s.colors.Good}[r.Severity]
	glyph := cmp.Or(map[string]string{"critical": "▲", "warning": "◆", "good": "●"}[r.Severity], " ")
	l := s.line().put("", " ").put(s.colors.Dim, s.clock(r.Time, "15:04:05")).put("", " ").put(color, glyph+" ")
	if len(p.Topics) > 1 {
		l.put(s.colors.Dim, r.Topic+"  ")
	}
	columns := slices.Clone(r.Columns)
	if len(columns) > 0 {
		l.put(color, columns[0]).put("", "  ")
		columns = columns[1:]
	}
	return l.put("", strings.Join(columns, "  ")).String()
}
