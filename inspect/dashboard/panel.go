package dashboard

import (
	"cmp"
	"slices"

	"inv/inspect"
	"inv/internal/theme"
)

// Output is a topic that a declared topology writes.
type Output struct {
	Topology string
	About    string // the topology's description, or ""
	Topic    string
	Label    string        // the topic's short name
	View     *inspect.View // nil: key and value are shown
}

// Limits of a panel.
const (
	panelLines   = 12
	panelColumns = 12
	outputsRange = 20_000 // offsets of a partition that are read of what an output held
)

// Panel is what a declared topology has written.
type Panel struct {
	Topology string        `json:"topology"`
	About    string        `json:"about"`
	Topics   []string      `json:"topics"`
	Total    int64         `json:"total"`   // records since the dashboard started, or that it found
	Minutes  []PanelMinute `json:"minutes"` // of the last hour with records; in a delta only those that changed
	Last     []PanelLine   `json:"last"`    // the last records, newest first
}

// PanelMinute counts the records of a minute.
type PanelMinute struct {
	Time    int64 `json:"time"` // its start, epoch ms
	Records int64 `json:"records"`

	version uint64
}

// PanelLine is a record as the view of its topic shows it.
type PanelLine struct {
	Time     int64    `json:"timestamp"` // epoch ms
	Topic    string   `json:"topic"`     // its short name
	Severity string   `json:"severity"`  // critical, warning, good or ""
	Columns  []string `json:"columns"`
}

// panels are those of the declared topologies, in the scenario's order.
type panels struct {
	all     []*panel
	byTopic map[string][]*panel // two topologies can write the same topic
	label   map[string]string
	pretty  *inspect.Pretty
}

type panel struct {
	Panel
	minutes [64]PanelMinute
	exists  bool // one of its topics does
	version uint64
}

func newPanels(outputs []Output) panels {
	p := panels{byTopic: map[string][]*panel{}, label: map[string]string{}}
	views := map[string]*inspect.View{}
	for _, o := range outputs {
		i := slices.IndexFunc(p.all, func(one *panel) bool { return one.Topology == o.Topology })
		if i < 0 {
			i = len(p.all)
			p.all = append(p.all, &panel{Panel: Panel{Topology: o.Topology, About: o.About}})
		}
		one := p.all[i]
		if slices.Contains(one.Topics, o.Topic) {
			continue
		}
		one.Topics = append(one.Topics, o.Topic)
		p.byTopic[o.Topic] = append(p.byTopic[o.Topic], one)
		p.label[o.Topic], views[o.Topic] = cmp.Or(o.Label, o.Topic), o.View
	}
	p.pretty = inspect.NewPretty(inspect.PrettyOptions{Theme: &theme.Theme{}, Views: views})
	return p
}

// applyOutput adds a record to the panels of its topic.
func (m *Model) applyOutput(r *Record, now int64) {
	if r.Value == nil {
		return
	}
	brief := m.panels.pretty.Brief(r.Record)
	line := PanelLine{Time: brief.Time, Topic: m.panels.label[r.Topic], Severity: brief.Severity.String(), Columns: []string{}}
	for _, text := range brief.Columns[:min(len(brief.Columns), panelColumns)] {
		line.Columns = append(line.Columns, clip(text))
	}
	for _, p := range m.panels.byTopic[r.Topic] {
		p.add(line, min(brief.Time, now), m.seq+1)
	}
}

// add counts a record of a time, and keeps its line if it is one of the newest.
func (p *panel) add(line PanelLine, at int64, version uint64) {
	p.exists, p.version = true, version
	p.Total++
	if at > 0 {
		start := at - at%minuteLength
		switch one := &p.minutes[start/minuteLength%int64(len(p.minutes))]; {
		case one.Time < start:
			*one = PanelMinute{Time: start, Records: 1, version: version}
		case one.Time == start:
			one.Records, one.version = one.Records+1, version
		}
	}
	i, _ := slices.BinarySearchFunc(p.Last, line, func(a, b PanelLine) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), 1) // before those of the same time, which came earlier
	})
	if i == panelLines {
		return
	}
	if len(p.Last) == panelLines {
		p.Last = p.Last[:panelLines-1]
	}
	p.Last = slices.Insert(p.Last, i, line)
}

// outputsExist shows the panels of the topics that exist.
func (m *Model) outputsExist(topic string) {
	for _, p := range m.panels.byTopic[topic] {
		if !p.exists {
			p.exists, p.version = true, m.seq+1
			m.dirty = true
		}
	}
}

// panelsSince returns the panels that changed after a publication, of those whose topics
// exist.
func (m *Model) panelsSince(since uint64) (list []Panel) {
	for _, p := range m.panels.all {
		if !p.exists || p.version <= since {
			continue
		}
		one := p.Panel
		one.Last = append([]PanelLine{}, p.Last...)
		one.Minutes = []PanelMinute{}
		newest := slices.MaxFunc(p.minutes[:], func(a, b PanelMinute) int { return cmp.Compare(a.Time, b.Time) }).Time
		for _, minute := range p.minutes {
			if minute.Records > 0 && minute.version > since && minute.Time > newest-hour {
				one.Minutes = append(one.Minutes, minute)
			}
		}
		slices.SortFunc(one.Minutes, func(a, b PanelMinute) int { return cmp.Compare(a.Time, b.Time) })
		list = append(list, one)
	}
	return list
}
