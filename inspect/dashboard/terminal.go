package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"inv/internal/termsafe"
	"inv/internal/theme"

	tea "github.com/charmbracelet/bubbletea"
)

// Terminal is where the dashboard is drawn.
type Terminal struct {
	In     io.Reader
	Out    io.Writer // the terminal itself, so that its size is known
	Colors *theme.Theme
}

// RunTerminal draws the dashboard until ctx is done or the user quits.
func RunTerminal(ctx context.Context, o Options, t Terminal) error {
	o.Log = nil // it would write over the screen
	return withHub(ctx, &o, func(ctx context.Context, hub *Hub) error {
		v := newViewer(hub, t.Colors)
		v.screen.hint = o.Hints.NoProducts
		program := tea.NewProgram(v, tea.WithContext(ctx), tea.WithInput(t.In), tea.WithOutput(t.Out),
			tea.WithAltScreen(), tea.WithFPS(10), tea.WithoutSignalHandler())
		_, err := program.Run()
		if ctx.Err() != nil || errors.Is(err, tea.ErrInterrupted) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("drawing on the terminal: %w", err)
		}
		return nil
	})
}

// failuresForOnce is how many sessions may fail in a row until Once gives up: a
// partition may be without a leader for a moment.
const failuresForOnce = 3

// Once waits until everything is loaded that can be, and writes it: as JSON a whole
// frame with all products, else a screen of the size of s. The error is a [DeniedError]
// if something is incomplete for lack of permissions.
func Once(ctx context.Context, o Options, out io.Writer, asJSON bool, s *Screen) error {
	return withHub(ctx, &o, func(ctx context.Context, hub *Hub) error {
		frame, err := hub.loaded(ctx, s.View, asJSON)
		if err != nil {
			return err
		}
		if asJSON {
			var text []byte
			if text, err = json.Marshal(frame); err == nil {
				_, err = out.Write(append(termsafe.AppendJSON(nil, text), '\n'))
			}
		} else {
			s.hint = o.Hints.NoProducts
			s.Take(frame)
			text := s.Draw()
			if len(frame.Topologies) > 0 {
				text += "\n" + strings.Join(s.drawPanels(0), "\n")
			}
			_, err = fmt.Fprintln(out, text)
		}
		switch st := frame.Status; {
		case err != nil:
			return err
		case st.Trouble != "":
			return fmt.Errorf("what is shown is incomplete: %s", st.Trouble)
		case len(st.Denied) > 0:
			return &DeniedError{st.Denied}
		}
		return nil
	})
}

// loaded waits until everything is loaded that can be, or nothing can, and returns a
// whole frame, if all is set with all products.
func (h *Hub) loaded(ctx context.Context, v View, all bool) (*Frame, error) {
	for {
		var frame *Frame
		var more <-chan struct{}
		h.Look(func(m *Model, now int64) {
			more = h.published
			done := m.status.Loading == LoadingDone && m.status.looked
			if !done && m.status.failures < failuresForOnce {
				return
			}
			if all {
				v.Limit = len(m.all)
			}
			frame = m.Frame(v, 0, nil, now)
		})
		if frame != nil {
			return frame, nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// viewer draws a hub on the terminal, only when something has changed.
type viewer struct {
	hub    *Hub
	screen *Screen
	drawn  View // the view of the screen's frame
}

// published is sent after a publication of the hub.
type published struct{}

func newViewer(hub *Hub, colors *theme.Theme) *viewer {
	return &viewer{hub: hub, screen: NewScreen(colors)}
}

// Init implements tea.Model.
func (v *viewer) Init() tea.Cmd { return v.pull() }

// View implements tea.Model.
func (v *viewer) View() string { return v.screen.Draw() }

// pull draws what is new and returns a command that waits for more.
func (v *viewer) pull() tea.Cmd {
	more := v.take()
	return func() tea.Msg {
		<-more
		return published{}
	}
}

// take reads a whole frame and returns a channel that the next publication closes.
func (v *viewer) take() (more <-chan struct{}) {
	v.drawn = v.screen.View
	v.hub.Look(func(m *Model, now int64) {
		v.screen.Take(m.Frame(v.drawn, 0, nil, now))
		more = v.hub.published
	})
	return more
}

// Update implements tea.Model.
func (v *viewer) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case published:
		return v, v.pull()
	case tea.WindowSizeMsg:
		v.screen.Resize(msg.Width, msg.Height)
	case tea.KeyMsg:
		if quit := v.key(msg); quit {
			return v, tea.Quit
		}
	}
	if v.drawn != v.screen.View {
		v.take() // the waiting pull goes on
	}
	return v, nil
}

// key acts on a key and reports whether the user quits.
func (v *viewer) key(k tea.KeyMsg) (quit bool) {
	s := v.screen
	if s.Searching {
		v.typed(k)
		return k.Type == tea.KeyCtrlC
	}
	switch k.String() {
	case "q", "ctrl+c":
		return true
	case "up", "k":
		v.move(-1)
	case "down", "j":
		v.move(1)
	case "pgup":
		v.move(-s.View.Limit)
	case "pgdown", " ":
		v.move(s.View.Limit)
	case "home", "g":
		v.move(-maxProducts)
	case "end", "G":
		v.move(maxProducts)
	case "enter":
		s.View.Product = s.Selected()
	case "esc":
		if s.Topologies {
			s.Topologies = false
		} else {
			v.back()
		}
	case "/":
		s.Searching, s.Typed = true, s.View.Search
	case "s":
		s.View.Severities = next(severitySteps, s.View.Severities)
		s.top()
	case "o":
		s.View.Sort = next(sorts, s.View.Sort)
		s.top()
	case "u":
		s.UTC = !s.UTC
	case "t":
		s.Topologies = !s.Topologies
	}
	return false
}

// move moves the cursor, and with a product open opens the one it moves to.
func (v *viewer) move(by int) {
	v.screen.Move(by)
	if v.screen.View.Product != "" {
		v.take()
		v.screen.View.Product = v.screen.Selected()
	}
}

// back closes the product or else clears the filters.
func (v *viewer) back() {
	s := v.screen
	if s.View.Product != "" {
		s.View.Product = ""
		return
	}
	s.View = View{Sort: s.View.Sort, Limit: s.View.Limit}
	s.top()
}

func (v *viewer) typed(k tea.KeyMsg) {
	s := v.screen
	switch k.Type {
	case tea.KeyEnter:
		s.Searching = false
		s.View.Search = foldSearch(s.Typed)
		s.top()
	case tea.KeyEsc:
		s.Searching = false
	case tea.KeyBackspace:
		if r := []rune(s.Typed); len(r) > 0 {
			s.Typed = string(r[:len(r)-1])
		}
	case tea.KeyRunes, tea.KeySpace:
		if len(s.Typed) < maxText {
			s.Typed += string(k.Runes)
		}
	}
}

// severitySteps are all products, those that need attention, and each severity.
var severitySteps = []uint8{0, 1<<Out | 1<<Critical | 1<<Low, 1 << Out, 1 << Critical, 1 << Low, 1 << OK}

// next returns the element after a value, after the last one the first.
func next[T comparable](of []T, value T) T { return of[(slices.Index(of, value)+1)%len(of)] }
