package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"inv/internal/theme"

	tea "github.com/charmbracelet/bubbletea"
)

// Terminal is where the dashboard is drawn.
type Terminal struct {
	In     io.Reader
	Out    io.Writer // the terminal itself, so that its size is known
	Colors *theme.Theme
}

// RunTerminal draws the dashboard until ctx is done or the reader leaves it.
func RunTerminal(ctx context.Context, o Options, t Terminal) error {
	o.defaults()
	o.Log = func(string) {} // would draw over the screen; what matters is on it
	return withHub(ctx, &o, func(ctx context.Context, hub *Hub) error {
		program := tea.NewProgram(newViewer(hub, t.Colors), tea.WithContext(ctx), tea.WithInput(t.In), tea.WithOutput(t.Out),
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

// Once writes what there is when everything is loaded, once: a whole frame with
// all products as JSON, or a screen of this size.
func Once(ctx context.Context, o Options, out io.Writer, asJSON bool, s *Screen) error {
	o.defaults()
	return withHub(ctx, &o, func(ctx context.Context, hub *Hub) error {
		frame, err := hub.wait(ctx, s.View, asJSON, func(s Status) bool { return s.Loading == LoadingDone })
		if err != nil {
			return err
		}
		if asJSON {
			return json.NewEncoder(out).Encode(frame)
		}
		s.Take(frame)
		_, err = fmt.Fprintln(out, s.Draw())
		return err
	})
}

// wait waits until the status is as wanted, and returns a whole frame of then.
func (h *Hub) wait(ctx context.Context, v View, all bool, wanted func(Status) bool) (*Frame, error) {
	for {
		if frame, more := h.when(v, all, wanted); frame != nil {
			return frame, nil
		} else if err := await(ctx, more); err != nil {
			return nil, err
		}
	}
}

// when returns a whole frame if the status is as wanted, and else nil with a channel
// that the next publication closes.
func (h *Hub) when(v View, all bool, wanted func(Status) bool) (*Frame, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now().UnixMilli()
	if h.model.statusVersion == 0 || !wanted(h.model.Status(now)) {
		return nil, h.published // a frame would hold up the reader
	}
	if all {
		v.Limit = len(h.model.all)
	}
	return h.model.Frame(v, 0, nil, now), nil
}

func await(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// look returns the frame that a reader in this process has not got yet, and a
// channel that the next publication closes.
func (h *Hub) look(v View, has sent) (*Frame, sent, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if has.epoch != h.model.epoch {
		has = sent{}
	}
	pg := h.model.page(v)
	f := h.model.frame(v, pg, has.seq, has.order, h.now().UnixMilli())
	return f, sent{f.Epoch, f.Seq, pg.ids()}, h.published
}

// viewer is the terminal's side of a hub: it draws when something has changed
// and never else.
type viewer struct {
	hub    *Hub
	screen *Screen
	has    sent
	drawn  View // that has was for
}

// published reports that the hub has something new.
type published struct{}

func newViewer(hub *Hub, colors *theme.Theme) *viewer {
	return &viewer{hub: hub, screen: NewScreen(colors)}
}

// Init implements tea.Model.
func (v *viewer) Init() tea.Cmd { return v.pull() }

// View implements tea.Model.
func (v *viewer) View() string { return v.screen.Draw() }

// pull takes what is new and waits for more.
func (v *viewer) pull() tea.Cmd {
	more := v.take()
	return func() tea.Msg {
		<-more
		return published{}
	}
}

func (v *viewer) take() <-chan struct{} {
	if v.drawn != v.screen.View {
		v.has.order = nil
		v.drawn = v.screen.View
	}
	frame, has, more := v.hub.look(v.screen.View, v.has)
	v.has = has
	v.screen.Take(frame)
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
		v.take() // the pull that waits goes on
	}
	return v, nil
}

// key acts on a key and reports whether the reader leaves.
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
		v.back()
	case "/":
		s.Searching, s.Typed = true, s.View.Search
	case "s":
		v.nextSeverity()
	case "o":
		v.nextSort()
	case "u":
		s.UTC = !s.UTC
	}
	return false
}

// move moves the cursor; with a product open, to the one beside it.
func (v *viewer) move(by int) {
	v.screen.Move(by)
	if v.screen.View.Product != "" {
		v.take()
		v.screen.View.Product = v.screen.Selected()
	}
}

// back leaves the product, then the filters.
func (v *viewer) back() {
	s := v.screen
	if s.View.Product != "" {
		s.View.Product = ""
		return
	}
	s.Ask(View{Sort: s.View.Sort})
}

func (v *viewer) typed(k tea.KeyMsg) {
	s := v.screen
	switch k.Type {
	case tea.KeyEnter:
		s.Searching = false
		view := s.View
		view.Search = foldSearch(s.Typed)
		s.Ask(view)
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

// nextSeverity goes from all to what needs a person, to each state, to all.
func (v *viewer) nextSeverity() {
	steps := []uint8{0, 1<<Out | 1<<Critical | 1<<Low, 1 << Out, 1 << Critical, 1 << Low, 1 << OK}
	view := v.screen.View
	for i, step := range steps {
		if step == view.Severities {
			view.Severities = steps[(i+1)%len(steps)]
			break
		}
	}
	v.screen.Ask(view)
}

func (v *viewer) nextSort() {
	view := v.screen.View
	for i, by := range sorts {
		if by == view.Sort {
			view.Sort = sorts[(i+1)%len(sorts)]
			break
		}
	}
	v.screen.Ask(view)
}

var _ tea.Model = (*viewer)(nil)
