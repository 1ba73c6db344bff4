package browse

import (
	"context"
	"errors"
	"fmt"
	"io"

	tea "github.com/charmbracelet/bubbletea"
)

// Run shows the browser until the user quits, while tail fills the collector. The
// error of tail is shown; tail ends when the browser does.
func Run(ctx context.Context, m *Model, in io.Reader, out io.Writer, tail func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	program := tea.NewProgram(m, tea.WithContext(ctx), tea.WithAltScreen(), tea.WithInput(in), tea.WithOutput(out), tea.WithoutSignalHandler())
	go func() {
		err := tail(ctx)
		if err != nil && ctx.Err() == nil {
			m.collector.Notice(err.Error())
		}
		ended <- err
	}()
	_, err := program.Run()
	stopped := ctx.Err() != nil
	cancel()
	tailed := <-ended
	switch {
	case stopped:
		return nil // by a signal
	case err != nil && !errors.Is(err, tea.ErrProgramKilled):
		return fmt.Errorf("drawing the terminal: %w", err)
	case tailed != nil && !errors.Is(tailed, context.Canceled):
		return tailed
	}
	return nil
}
