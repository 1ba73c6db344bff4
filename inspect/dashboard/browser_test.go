package dashboard_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// tab is one tab of a headless browser. Whatever the page says on its console
// fails the test: it has nothing to say there.
type tab struct {
	t   *testing.T
	ctx context.Context
	url string

	mu        sync.Mutex
	allowed   []string // texts that may be on the console
	complains []string
}

// browse opens a tab of chromium, or of the browser that INV_BROWSER names. On
// a machine without one the test is skipped, unless INV_REQUIRE_BROWSER is set,
// as it is in CI.
func browse(t *testing.T, url string) *tab {
	t.Helper()
	path := os.Getenv("INV_BROWSER")
	if path == "" {
		path = "chromium"
	}
	found, err := exec.LookPath(path)
	if err != nil {
		if os.Getenv("INV_REQUIRE_BROWSER") != "" {
			t.Fatalf("INV_REQUIRE_BROWSER is set, but there is no %s: %v", path, err)
		}
		t.Skipf("needs a browser (%v): install chromium, or set INV_BROWSER", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(found), chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun)
	for _, flag := range []string{"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync"} {
		options = append(options, chromedp.Flag(flag, true))
	}
	allocator, closeAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, closeTab := chromedp.NewContext(allocator)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	b := &tab{t: t, ctx: ctx, url: url}
	t.Cleanup(func() { cancel(); closeTab(); closeAllocator() })
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatalf("starting %s: %v", found, err)
	}
	t.Cleanup(b.quiet)
	return b
}

func (b *tab) listen(ev any) {
	var said string
	switch e := ev.(type) {
	case *runtime.EventExceptionThrown:
		said = e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			said += " " + e.ExceptionDetails.Exception.Description
		}
	case *cdplog.EventEntryAdded:
		said = e.Entry.Text + " " + e.Entry.URL
	default:
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complains = append(b.complains, said)
}

// allow lets the page complain about something that the test brings about.
func (b *tab) allow(text string) { b.allowed = append(b.allowed, text) }

func (b *tab) quiet() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, said := range b.complains {
		expected := false
		for _, text := range b.allowed {
			expected = expected || strings.Contains(said, text)
		}
		if !expected {
			b.t.Errorf("the browser says: %s", said)
		}
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) open(hash string) {
	b.t.Helper()
	b.do(chromedp.Navigate("about:blank"), chromedp.Navigate(b.url+hash))
}

// patience is how long is waited for what must come, also on a machine that does
// much else. How fast it comes is cmd/bench/dashboard's to say.
const patience = 30 * time.Second

// until waits for an expression of JavaScript to hold.
func (b *tab) until(expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience+time.Second) // a poll whose expression throws never ends
	defer cancel()
	poll := chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(patience), chromedp.WithPollingInterval(20*time.Millisecond))
	_, err := chromedp.Run(ctx, poll)
	for err != nil && ctx.Err() == nil && strings.Contains(err.Error(), "Cannot find context") {
		_, err = chromedp.Run(ctx, poll) // the page was loaded anew meanwhile
	}
	if err != nil {
		b.snap("failed-" + b.t.Name())
		b.t.Fatalf("not within %s: %s (%v)", patience, expression, err)
	}
}

func evaluate[T any](b *tab, expression string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// snap writes a screenshot to the folder INV_SCREENSHOTS, if that is set.
func (b *tab) snap(name string) {
	folder := os.Getenv("INV_SCREENSHOTS")
	if folder == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, strings.ReplaceAll(name, "/", "-")+".png"), png, 0o644)
	}
	if err != nil {
		b.t.Errorf("screenshot %s: %v", name, err)
	}
}

// screen is a window's size and what the device prefers.
func (b *tab) screen(width, height int64, scheme string, phone bool) {
	b.t.Helper()
	var options []chromedp.EmulateViewportOption
	if phone {
		options = append(options, chromedp.EmulateMobile)
	}
	b.do(chromedp.EmulateViewport(width, height, options...))
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
}
