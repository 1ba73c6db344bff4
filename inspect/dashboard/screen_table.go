package dashboard

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// columns are the widths of the table's columns; 0 leaves one out.
type columns struct{ state, name, stock, bar, trend, last, order int }

// columns distributes the width: the name and the bar grow, and the least important
// columns are left out first.
func (s *Screen) columns() columns {
	c := columns{state: 10, name: 18, stock: 7, bar: 14, trend: 10, last: 7, order: 10}
	for _, part := range []*int{&c.order, &c.trend, &c.last, &c.bar, &c.state} {
		if c.total() <= s.Width {
			break
		}
		if part == &c.state {
			*part = 2 // the glyph alone
			continue
		}
		*part = 0
	}
	spare := s.Width - c.total()
	if spare < 0 {
		c.name = max(4, c.name+spare)
		return c
	}
	if c.bar > 0 {
		grown := min(spare/2, 40)
		c.bar += grown
		spare -= grown
	}
	c.name += min(spare, 40)
	return c
}

func (c columns) total() int {
	sum := 1
	for _, w := range []int{c.state, c.name, c.stock, c.bar, c.trend, c.last, c.order} {
		if w > 0 {
			sum += w + 1
		}
	}
	return sum
}

func (s *Screen) drawTable() []string {
	c := s.columns()
	head := s.line().put("", " ")
	for _, h := range []struct {
		title string
		width int
	}{{"STATE"[:min(5, c.state)], c.state}, {"PRODUCT", c.name}, {"STOCK", -c.stock}, {"CRITICAL│REORDER┊", c.bar}, {"TREND", c.trend}, {"LAST", -c.last}, {"ON ORDER", -c.order}} {
		head.column(s.colors.Dim, h.title, h.width)
	}
	lines := []string{head.String()}
	p := s.frame.Products
	switch {
	case p.Total == 0 && s.frame.Status != nil && s.frame.Status.Loading == LoadingStock:
		return append(lines, "")
	case p.Total == 0 && s.filtered():
		lines = append(lines, s.line().put(s.colors.Dim, "  No product matches; Esc shows all.").String())
	case p.Total == 0 && s.mark(Catalog, Updates) != "":
		lines = append(lines, s.line().put(s.colors.Warning, "  The products can't be read.").String())
	case p.Total == 0:
		lines = append(lines, s.line().put(s.colors.Dim, "  "+withHint("No products yet", s.hint)+".").String())
	}
	for i := range p.Rows[:min(len(p.Rows), s.tableHeight())] {
		lines = append(lines, s.drawRow(c, &p.Rows[i], i == s.cursor))
	}
	for len(lines) < s.tableHeight()+1 {
		lines = append(lines, "")
	}
	return lines
}

func (s *Screen) filtered() bool {
	return s.View.Search != "" || s.View.Severities != 0 || s.View.Category != "" || s.View.Warehouse != ""
}

func (s *Screen) drawRow(c columns, r *Row, selected bool) string {
	color := s.severityColor(r.Severity)
	mark, strong := " ", ""
	if selected {
		mark, strong = "›", s.colors.Strong
	}
	l := s.line().put(strong, mark)
	state := glyphs[r.Severity]
	switch {
	case c.state <= 2:
	case r.Delisted:
		state = "– delisted"
	default:
		state += " " + r.Severity.String()
	}
	l.column(color, state, c.state).column(strong, r.Name, c.name)
	stock := "–"
	if r.Stock != nil {
		stock = strconv.FormatInt(*r.Stock, 10)
	}
	if r.Gaps > 0 {
		stock = "!" + stock // updates are missing
	}
	l.column(color, stock, -c.stock)
	if c.bar > 0 {
		s.drawBar(l, r, c.bar)
		l.put("", " ")
	}
	last := ""
	if r.Updated > 0 {
		last = signed(r.Delta)
	}
	l.column(s.colors.Dim, sparkline(r.Trend, c.trend), c.trend).column("", last, -c.last)
	if r.OpenReorder != nil && s.reordersKnown() {
		orderColor, order := "", strconv.FormatInt(r.OpenReorder.Quantity, 10)
		if r.OpenReorder.Priority == "urgent" {
			orderColor, order = s.colors.Critical, "urgent "+order
		}
		l.column(orderColor, order, -c.order)
	}
	return l.String()
}

// drawBar draws the stock and both thresholds on the scale of the full stock.
func (s *Screen) drawBar(l *line, r *Row, width int) {
	at := func(n int64) int {
		return max(0, min(width, int(float64(n)/float64(r.Full)*float64(width)+0.5)))
	}
	stock := int64(0)
	if r.Stock != nil {
		stock = *r.Stock
	}
	filled := at(stock)
	if stock > 0 {
		filled = max(filled, 1)
	}
	cells := []rune(strings.Repeat("█", filled) + strings.Repeat("·", width-filled))
	mark := func(n int64, glyph rune) {
		if i := at(n); n > 0 && i < width {
			cells[i] = glyph
		}
	}
	mark(r.ReorderThreshold, '┊')
	mark(r.CriticalThreshold, '│')
	l.put(s.severityColor(r.Severity), string(cells[:filled])).put(s.colors.Dim, string(cells[filled:]))
}

func (s *Screen) drawFeed() []string {
	height := s.feedHeight()
	if height == 0 {
		return nil
	}
	a := s.frame.Alerts
	title := s.line().put(s.colors.Dim, " CRITICAL ALERTS").put(s.colors.Dim, "  "+s.number(a.Total, Alerts))
	mark := s.mark(Alerts)
	if mark != "" {
		title.put(s.colors.Warning, mark)
	}
	lines := []string{title.String()}
	for i := range a.Items[:min(len(a.Items), height-1)] {
		lines = append(lines, s.drawAlert(&a.Items[i]))
	}
	if len(a.Items) == 0 && mark == "" {
		lines = append(lines, s.line().put(s.colors.Dim, "  none so far").String())
	}
	return lines
}

func (s *Screen) drawAlert(a *Alert) string {
	glyph := glyphs[Critical]
	if a.Stock <= 0 {
		glyph = glyphs[Out]
	}
	return s.line().put("", " ").put(s.colors.Dim, s.clock(a.Time, "15:04:05")).put("", " ").
		put(s.colors.Critical, glyph+" "+s.colors.Fit(cmp.Or(a.ProductName, a.ProductID), max(12, s.Width-45))).
		put("", fmt.Sprintf("  %d left (≤%d)  ", a.Stock, a.Threshold)).put(s.colors.Dim, a.Warehouse).String()
}

// drawDetail returns one product with its stock over the hour and its last changes.
func (s *Screen) drawDetail() []string {
	d := s.frame.Product
	if d == nil || d.ID != s.View.Product {
		return []string{"", s.line().put(s.colors.Dim, "  "+s.View.Product).String()}
	}
	stock := "unknown"
	if d.Stock != nil {
		stock = strconv.FormatInt(*d.Stock, 10)
	}
	color := s.severityColor(d.Severity)
	lines := []string{"",
		s.line().put("", " ").put(s.colors.Strong, d.Name).put(s.colors.Dim, "  "+d.ID+"  "+d.Category+"  "+d.Warehouse).String(),
		s.line().put("", " ").put(color, glyphs[d.Severity]+" "+d.Severity.String()+"  "+stock+" in stock").
			put("", fmt.Sprintf("  reorder ≤%d  critical ≤%d", d.ReorderThreshold, d.CriticalThreshold)).String(),
	}
	if o := d.OpenReorder; o != nil && s.reordersKnown() {
		lines = append(lines, s.line().put("", fmt.Sprintf(" %d on order since %s, %s", o.Quantity, s.clock(o.Time, "15:04:05"), o.Priority)).String())
	}
	if d.Gaps > 0 {
		lines = append(lines, s.line().put(s.colors.Critical, fmt.Sprintf(" %d updates are missing or out of order", d.Gaps)).String())
	}
	lines = append(lines, "")
	lines = append(lines, s.drawHistory(d)...)
	lines = append(lines, "", s.line().put(s.colors.Dim, " LAST CHANGES").String())
	for _, c := range d.Changes {
		change := "?"
		if c.Delta != nil {
			change = signed(*c.Delta)
		}
		l := s.line().put("", " ").put(s.colors.Dim, s.clock(c.Time, "15:04:05")).cell("", change, -8).cell("", strconv.FormatInt(c.Stock, 10), -8)
		if c.Unmet > 0 {
			l.put(s.colors.Warning, fmt.Sprintf("  %d unfilled", c.Unmet))
		}
		lines = append(lines, l.put("", "  "+causeOf(&c)).put(s.colors.Dim, "  "+c.Cause).String())
	}
	return lines
}

// causeOf names what changed the stock as the page does.
func causeOf(c *Change) string {
	switch c.Kind {
	case ByOrder:
		if strings.HasPrefix(strings.ToLower(c.Order), "order") {
			return c.Order
		}
		return strings.TrimSpace("order " + c.Order)
	case ByDelivery:
		return "delivery"
	case ByOpening:
		return "opening stock"
	case ByCatalog:
		return "catalogue changed"
	}
	return ""
}

// drawHistory draws the stock over the hour, or since its first change, as columns.
func (s *Screen) drawHistory(d *Detail) []string {
	const height = 6
	width := min(s.Width-12, 120)
	if len(d.History) == 0 || width < 10 || s.frame.Status == nil {
		return nil
	}
	end := s.frame.Status.WindowEnd
	start := min(max(end-hour, d.History[0].Time), end-minuteLength) // a short history fills the width
	values := make([]int64, width)
	top := max(d.ReorderThreshold, 1)
	for i, next := 0, 0; i < width; i++ {
		until := start + (end-start)*int64(i+1)/int64(width)
		values[i] = -1
		if i > 0 {
			values[i] = values[i-1]
		}
		for ; next < len(d.History) && d.History[next].Time <= until; next++ {
			values[i] = d.History[next].Stock
		}
		top = max(top, values[i])
	}
	steps := []rune(" " + bars)
	var lines []string
	for y := height - 1; y >= 0; y-- {
		var b strings.Builder
		for _, v := range values {
			eighths := int(float64(max(v, 0))/float64(top)*float64(height*8)+0.5) - y*8
			b.WriteRune(steps[max(0, min(8, eighths))])
		}
		label := ""
		if y == height-1 {
			label = strconv.FormatInt(top, 10)
		}
		lines = append(lines, s.line().cell(s.colors.Dim, label, -9).put("", " ").put(s.severityColor(d.Severity), b.String()).String())
	}
	layout := "15:04"
	if end-start < hour/4 {
		layout = "15:04:05"
	}
	axis := s.line().cell("", "", -9).put("", " ").put(s.colors.Dim, s.clock(start, layout))
	to := s.clock(end, layout)
	return append(lines, axis.put("", strings.Repeat(" ", max(1, 10+width-(s.Width-axis.left)-len(to)))).put(s.colors.Dim, to).String())
}

// signed formats a change of stock as the page does.
func signed(n int64) string {
	if n == 0 {
		return "±0"
	}
	return fmt.Sprintf("%+d", n)
}
