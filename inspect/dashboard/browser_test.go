package dashboard_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// tab is a tab of a headless browser. Any message on its console fails the test.
type tab struct {
	t   *testing.T
	ctx context.Context
	url string

	mu       sync.Mutex
	allowed  []string // texts of expected messages
	messages []string // on the console
}

// browse opens a tab of chromium, or of the browser INV_BROWSER. Without one the
// test is skipped, unless INV_REQUIRE_BROWSER is set, as in CI.
func browse(t *testing.T, url string) *tab {
	t.Helper()
	path := os.Getenv("INV_BROWSER")
	if path == "" {
		path = "chromium"
	}
	found, err := exec.LookPath(path)
	if err != nil {
		if os.Getenv("INV_REQUIRE_BROWSER") != "" {
			t.Fatalf("INV_REQUIRE_BROWSER is set: %v", err)
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

// another opens another tab of the same browser, which close closes.
func (b *tab) another() (other *tab, close func()) {
	b.t.Helper()
	ctx, closeTab := chromedp.NewContext(b.ctx)
	other = &tab{t: b.t, ctx: ctx, url: b.url, allowed: b.allowed}
	if err := chromedp.Listen(ctx, other.listen); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(other.quiet)
	return other, closeTab
}

func (b *tab) listen(ev any) {
	var message string
	switch e := ev.(type) {
	case *runtime.EventExceptionThrown:
		message = e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			message += " " + e.ExceptionDetails.Exception.Description
		}
	case *cdplog.EventEntryAdded:
		message = e.Entry.Text + " " + e.Entry.URL
	default:
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.messages = append(b.messages, message)
}

// allow expects console messages that the test causes.
func (b *tab) allow(text string) { b.allowed = append(b.allowed, text) }

func (b *tab) quiet() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, message := range b.messages {
		if !slices.ContainsFunc(b.allowed, func(text string) bool { return strings.Contains(message, text) }) {
			b.t.Errorf("on the console: %s", message)
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

// patience is how long to wait on a busy machine. cmd/bench/dashboard measures speed.
const patience = 30 * time.Second

// until waits until a JavaScript expression is true.
func (b *tab) until(expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience+time.Second) // a poll whose expression throws never ends
	defer cancel()
	poll := chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(patience), chromedp.WithPollingInterval(20*time.Millisecond))
	_, err := chromedp.Run(ctx, poll)
	for err != nil && ctx.Err() == nil && strings.Contains(err.Error(), "Cannot find context") {
		_, err = chromedp.Run(ctx, poll) // the page was reloaded meanwhile
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

// snap writes a screenshot of the window to the folder INV_SCREENSHOTS, if set.
func (b *tab) snap(name string) { b.capture(name, chromedp.CaptureScreenshot()) }

// snapAll does it of the whole page.
func (b *tab) snapAll(name string) { b.capture(name, chromedp.FullScreenshot(100)) }

func (b *tab) capture(name string, take chromedp.Action[[]byte]) {
	folder := os.Getenv("INV_SCREENSHOTS")
	if folder == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, take)
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, strings.ReplaceAll(name, "/", "-")+".png"), png, 0o644)
	}
	if err != nil {
		b.t.Errorf("screenshot %s: %v", name, err)
	}
}

// screen sets the window's size and the device's colour scheme.
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
