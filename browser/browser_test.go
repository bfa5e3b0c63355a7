package browser

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// report writes the page of a scenario, and returns its path.
func (s *scenario) report(args ...string) string {
	s.t.Helper()
	file := filepath.Join(s.dir, "page.html")
	out, err := exec.Command(program, append([]string{"report", "--conf-dir", filepath.Join(s.dir, "net.d"),
		"--data-dir", filepath.Join(s.dir, "data"), "--html", file}, args...)...).CombinedOutput()
	require.NoError(s.t, err, "%s", out)
	return file
}

// serve serves the page of a scenario until the test ends, and returns its URL.
func (s *scenario) serve() string {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, program, "serve", "--conf-dir", filepath.Join(s.dir, "net.d"), "--data-dir", filepath.Join(s.dir, "data"), "--listen", "127.0.0.1:0")
	out, err := c.StdoutPipe()
	require.NoError(s.t, err)
	c.Stderr = os.Stderr
	require.NoError(s.t, c.Start())
	s.stop = sync.OnceFunc(func() {
		cancel()
		_ = c.Wait() // It was killed.
	})
	s.t.Cleanup(s.stop)
	url, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(s.t, err)
	return strings.TrimSpace(url)
}

// A tab is a tab of a new browser.
type tab struct {
	*testing.T
	ctx context.Context

	mu       sync.Mutex
	requests []string // URLs, except the URL of the page
	messages []string // of the console, and violations of the page's policy
}

// open opens a page in a new browser, which takes nothing from the user's and is gone after the
// test.
func open(t *testing.T, url string) *tab {
	t.Helper()
	if chromium == "" {
		t.Skip("needs chromium")
	}
	b := &tab{T: t}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(chromium),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()), chromedp.Env("TZ=Europe/Berlin", "HOME="+t.TempDir()),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	b.ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Listen(b.ctx, func(event any) { b.listen(url, event) }))
	_, err := chromedp.Call(b.ctx, network.Enable, network.EnableParams{})
	require.NoError(t, err)
	b.run(chromedp.EmulateViewport(1280, 900), chromedp.Navigate(url), chromedp.WaitReady(chromedp.CSS(`html[data-ready]`)))
	return b
}

// listen notes what a page must not cause.
func (b *tab) listen(url string, event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if e.Request.URL != url && !strings.HasPrefix(e.Request.URL, "data:") {
			b.requests = append(b.requests, e.Request.URL)
		}
	case *runtime.EventConsoleAPICalled:
		b.messages = append(b.messages, fmt.Sprint(e.Type, " with ", len(e.Args)))
	case *runtime.EventExceptionThrown:
		b.messages = append(b.messages, e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		b.messages = append(b.messages, e.Entry.Text)
	}
}

// run does something in the tab.
func (b *tab) run(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	require.NoError(b, chromedp.Do(ctx, actions...))
}

// eval returns the value of an expression.
func eval[T any](b *tab, expression string) T {
	b.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	require.NoError(b, err, expression)
	return value
}

// text returns the text of the first element that a selector selects.
func (b *tab) text(selector string) string {
	b.Helper()
	return eval[string](b, fmt.Sprintf("document.querySelector(%q).innerText", selector))
}

// search types a query as a reader does.
func (b *tab) search(query string) string {
	b.Helper()
	eval[bool](b, `document.querySelector("#query").select(), true`)
	b.run(chromedp.SendKeys(chromedp.CSS("#query"), query))
	return b.text("#results")
}

// quiet fails if the page has asked for anything, or the browser has complained.
func (b *tab) quiet() {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Empty(b, b.requests, "the page asked for something")
	require.Empty(b, b.messages, "the browser complained")
}

// prefer makes the browser prefer a colour scheme.
func (b *tab) prefer(scheme string) {
	b.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	require.NoError(b, err)
}

// picture returns the page as a PNG.
func (b *tab) picture() []byte {
	b.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	require.NoError(b, err)
	return png
}

// save keeps a picture of the page, if LEASEHOLD_SCREENSHOTS names a directory.
func (b *tab) save(name string) {
	b.Helper()
	if dir := os.Getenv("LEASEHOLD_SCREENSHOTS"); dir != "" {
		require.NoError(b, os.WriteFile(filepath.Join(dir, name+".png"), b.picture(), 0o644))
	}
}

// Each scenario is written, fits, and is shown without an error or a request, light and dark.
func TestScreenshots(t *testing.T) {
	for name, fill := range scenarios() {
		t.Run(name, func(t *testing.T) {
			s := newScenario(t)
			fill(s)
			page := s.report()
			info, err := os.Stat(page)
			require.NoError(t, err)
			t.Logf("%d bytes", info.Size())
			require.Less(t, info.Size(), int64(1<<20))
			b := open(t, "file://"+page)
			for _, light := range []string{"light", "dark"} {
				b.prefer(light)
				b.save(name + "-" + light)
			}
			wide := eval[bool](b, "document.documentElement.scrollWidth > innerWidth")
			require.False(t, wide, "the page is wider than the window")
			b.quiet()
		})
	}
}
