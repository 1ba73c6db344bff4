package dashboard

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"inv/internal/event"
	"inv/internal/termsafe"
	"inv/internal/theme"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/muesli/termenv"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares a screen with a file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; -update writes it", err)
	}
	if got+"\n" != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
	}
}

// day returns a store with orders, alerts and hostile names.
func day(t *testing.T) *story {
	s := newStory(t)
	names := []string{"Wireless Headphones", "Laptop Charger", "Phone Cover", "\x1b[31mred\x1b[0m \u202eeman", "ワイヤレス充電器", strings.Repeat("long ", 12)}
	for i := range 30 {
		p := event.Product{
			ID: fmt.Sprintf("prod-%02d", i), Name: fmt.Sprintf("%s %d", names[i%len(names)], i), Category: "audio", WarehouseID: "wh-east-1",
			Price: 20 * event.MoneyUnit, ReorderThreshold: 12, ReorderQuantity: 48, CriticalThreshold: 5, InitialStock: 40,
		}
		s.Apply(s.record(Catalog, "product_catalog", p.ID, string(event.AppendProduct(nil, &p))), now)
	}
	for round := range int64(20) {
		for i := range int64(30) {
			u := s.update(fmt.Sprintf("prod-%02d", i), round+1, max(0, 40-round*i/8), 1+i%3)
			u.Timestamp = now - (19-round)*2*minuteLength
			u.LastUpdated = u.Timestamp + 25
			s.apply(u)
		}
	}
	s.Apply(s.reorder("prod-29", "reorder-prod-29-4", now-90_000), now)
	for i := 5; i >= 0; i-- {
		a := event.Alert{AlertID: fmt.Sprint("alert-", i), ProductID: fmt.Sprintf("prod-%02d", 29-i), ProductName: names[i%len(names)], CurrentStock: int64(i), Threshold: 5, WarehouseID: "wh-east-1", Timestamp: now - int64(i)*7000}
		s.Apply(s.record(Alerts, "inventory_alerts", a.ProductID, string(event.AppendAlert(nil, &a))), now)
	}
	s.SetStatus(Status{AsOf: now, Rate: 12, Lag: []Lag{{Group: "inv-ledger", Known: true, Exact: true}}})
	return s
}

func screenOf(s *story, width, height int, colors *theme.Theme) *Screen {
	screen := NewScreen(colors)
	screen.UTC, screen.hint = true, "inv produce catalog writes some"
	screen.Resize(width, height)
	s.Publish()
	screen.Take(s.Model.Frame(screen.View, 0, nil, now))
	return screen
}

func TestScreens(t *testing.T) {
	plain := &theme.Theme{}
	for _, size := range [][2]int{{80, 24}, {120, 40}, {40, 12}, {20, 6}} {
		name := fmt.Sprintf("screen-%dx%d", size[0], size[1])
		t.Run(name, func(t *testing.T) {
			got := screenOf(day(t), size[0], size[1], plain).Draw()
			fits(t, got, size[0], size[1])
			golden(t, name, got)
		})
	}
	t.Run("ascii", func(t *testing.T) {
		ascii := &theme.Theme{ASCII: true}
		s := day(t)
		screen := screenOf(s, 80, 24, ascii)
		got := screen.Draw()
		screen.View.Product = screen.Selected()
		screen.Take(s.Model.Frame(screen.View, 0, nil, now))
		got += "\n" + screen.Draw()
		fits(t, got, 80, 48)
		golden(t, "screen-ascii", got)
		if i := strings.IndexFunc(got, func(r rune) bool { return r > '~' }); i >= 0 {
			t.Errorf("%q is on the screen", got[i:min(i+20, len(got))])
		}
	})
	t.Run("colour", func(t *testing.T) {
		golden(t, "screen-colour", screenOf(day(t), 80, 24, theme.New(termenv.ANSI256)).Draw())
	})
	t.Run("detail", func(t *testing.T) {
		s := day(t)
		screen := screenOf(s, 80, 24, plain)
		screen.View.Product = screen.Selected()
		screen.Take(s.Model.Frame(screen.View, 0, nil, now))
		golden(t, "screen-detail", screen.Draw())
	})
	t.Run("stale", func(t *testing.T) {
		s := day(t)
		s.SetStatus(Status{AsOf: now - 60_000, Trouble: "broker 1 does not answer"})
		golden(t, "screen-stale", screenOf(s, 80, 24, plain).Draw())
	})
	t.Run("reorders while loading", func(t *testing.T) {
		s := newStory(t).product("a")
		s.Apply(s.reorder("a", "reorder-a-1", now), now)
		for loading, want := range map[string]string{LoadingStock: "", LoadingReorders: "", LoadingCharts: "1 on order so far", LoadingPast: "1 on order so far", LoadingDone: "1 on order"} {
			s.SetStatus(Status{Loading: loading, AsOf: now})
			drawn := screenOf(s, 120, 20, plain).Draw()
			_, after, shown := strings.Cut(drawn, want)
			if !shown || strings.Contains(drawn, "on order") != (want != "") || want == "1 on order" && strings.HasPrefix(after, " so far") {
				t.Errorf("loading %q: want %q in\n%s", loading, want, drawn)
			}
		}
	})
	t.Run("denied", func(t *testing.T) {
		s := day(t)
		s.SetStatus(Status{AsOf: now, Denied: []Denied{
			{Operation: "Read", Resource: "topic", Name: "inventory_alerts", Section: "alerts", AsOf: now - 60_000},
			{Operation: "Describe", Resource: "topic", Name: "order_events.dlq", Section: "dead_letters"},
			{Operation: "Describe", Resource: "group", Name: "inv-ledger", Section: "lag"},
		}, Lag: []Lag{{Group: "inv-ledger", Exact: true, Denied: true}}})
		golden(t, "screen-denied", screenOf(s, 100, 24, plain).Draw())
	})
	t.Run("unreadable", func(t *testing.T) {
		s := newStory(t)
		var denied []Denied
		for source := Catalog; source <= DeadLetters; source++ {
			denied = append(denied, Denied{Operation: "Describe", Resource: "topic", Name: "t-" + source.String(), Section: source.String()})
		}
		s.SetStatus(Status{AsOf: now, Denied: denied})
		golden(t, "screen-unreadable", screenOf(s, 80, 16, plain).Draw())
	})
	t.Run("loading", func(t *testing.T) {
		golden(t, "screen-loading", screenOf(newStory(t), 80, 10, plain).Draw())
	})
	t.Run("empty", func(t *testing.T) {
		s := newStory(t)
		s.SetStatus(Status{AsOf: now, Missing: []string{"inventory_updates"}})
		golden(t, "screen-empty", screenOf(s, 80, 16, plain).Draw())
	})
}

func fits(t *testing.T, drawn string, width, height int) {
	t.Helper()
	lines := strings.Split(drawn, "\n")
	if len(lines) != height {
		t.Errorf("%d lines, want %d", len(lines), height)
	}
	for i, l := range lines {
		if n := termsafe.Width([]byte(l)); n > width {
			t.Errorf("line %d is %d columns wide of %d: %q", i, n, width, l)
		}
	}
}

func TestEverySizeFits(t *testing.T) {
	s := day(t)
	for width := 20; width <= 160; width += 7 {
		for height := 6; height <= 60; height += 9 {
			fits(t, screenOf(s, width, height, &theme.Theme{}).Draw(), width, height)
		}
	}
}

func TestNoControlCharactersOnTheScreen(t *testing.T) {
	drawn := screenOf(day(t), 120, 40, &theme.Theme{}).Draw()
	if i := strings.IndexFunc(drawn, func(r rune) bool { return r != '\n' && termsafe.Hidden(r) }); i >= 0 {
		t.Errorf("%q is on the screen", drawn[i:min(i+20, len(drawn))])
	}
}

func TestKeys(t *testing.T) {
	hub := NewHub("order_events", nowTime)
	s := day(t)
	s.Publish()
	hub.model = s.Model
	v := newViewer(hub, &theme.Theme{})
	v.Init()
	press := func(keys ...string) {
		for _, k := range keys {
			msg := tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(k)}
			for typ, name := range map[tea.KeyType]string{tea.KeyEnter: "enter", tea.KeyEsc: "esc", tea.KeyUp: "up", tea.KeyDown: "down", tea.KeyEnd: "end", tea.KeyBackspace: "backspace", tea.KeyPgDown: "pgdown"} {
				if name == k {
					msg = tea.KeyMsg{Type: typ}
				}
			}
			v.Update(msg)
		}
	}
	expect := func(what string, holds bool) {
		t.Helper()
		if !holds {
			t.Errorf("%s: false\n%s", what, v.View())
		}
	}
	first := v.screen.Selected()
	press("down", "down")
	expect("down moves", v.screen.Selected() != first && v.screen.cursor == 2)
	press("end")
	expect("end goes to the last", v.screen.View.Offset+v.screen.cursor == 29 && strings.Contains(v.View(), "30/30"))
	press("up")
	expect("up moves within the page", v.screen.View.Offset+v.screen.cursor == 28)
	v.Update(tea.WindowSizeMsg{Width: 100, Height: 60})
	expect("a larger window shows more", v.screen.View.Limit > 40 && v.screen.View.Offset == 0)
	v.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
	press("g", "enter")
	expect("enter opens a product", v.screen.View.Product == v.screen.Selected() && strings.Contains(v.View(), "LAST CHANGES"))
	opened := v.screen.View.Product
	press("down")
	expect("down opens the next", v.screen.View.Product != opened && strings.Contains(v.View(), v.screen.View.Product))
	press("esc")
	expect("esc goes back", v.screen.View.Product == "")
	expect("nothing is selected", strings.Contains(v.View(), "all products, most urgent first"))
	press("/", "c", "o", "v", "x", "backspace", "enter")
	expect("a search selects", v.screen.frame.Products.Total == 5 && strings.Contains(v.View(), "Cover"))
	expect("the search is shown", strings.Contains(v.View(), `5 of 30: "cov", most urgent first`))
	press("s")
	expect("with the states", strings.Contains(v.View(), `of 30: out or critical or low, "cov", most urgent first`))
	press("esc", "s", "s")
	expect("s selects what is out", v.screen.View.Severities == 1<<Out && v.screen.frame.Products.Total == v.screen.frame.Counts.Out)
	expect("the state is shown", strings.Contains(v.View(), fmt.Sprintf("%d of 30: out, most urgent first", v.screen.frame.Counts.Out)))
	press("esc", "o")
	expect("o sorts by name", v.screen.View.Sort == ByName && strings.Contains(v.View(), "all products, by name"))
	for range sorts {
		press("o")
		expect("the order is shown", orderWords[v.screen.View.Sort] != "" && strings.Contains(v.View(), "all products, "+orderWords[v.screen.View.Sort]))
	}
	if _, cmd := v.Update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("q")}); cmd == nil {
		t.Error("q does not quit")
	}
}

// The terminal only reads and draws visible products, and only after a publication.
func TestTerminalDrawsVisibleRows(t *testing.T) {
	hub := NewHub("order_events", nowTime)
	hub.Update(func(m *Model) {
		s := &story{t: t, Model: m}
		for i := range 10_000 {
			s.product(fmt.Sprintf("p%05d", i))
		}
	})
	hub.publish()
	v := newViewer(hub, &theme.Theme{})
	wait := v.Init()
	fits(t, v.View(), 80, 24)
	if n := len(v.screen.frame.Products.Rows); n != v.screen.tableHeight() {
		t.Errorf("%d rows were read for %d lines", n, v.screen.tableHeight())
	}
	if !strings.Contains(v.View(), "1/10000") {
		t.Errorf("the number of products is missing:\n%s", v.View())
	}
	drawn := make(chan tea.Msg, 1)
	go func() { drawn <- wait() }()
	hub.Update(func(m *Model) { m.Beat() })
	select {
	case <-drawn:
		t.Error("it draws before a publication")
	default:
	}
	hub.publish()
	if _, ok := (<-drawn).(published); !ok {
		t.Error("it does not draw after a publication")
	}
}
