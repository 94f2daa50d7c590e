package browser

import "context"

// Crash makes the page's process crash.
func (p *Page) Crash(ctx context.Context) error { return p.call(ctx, "Page.crash", nil, nil) }

// Script runs a script in the page, which may return a promise.
func (p *Page) Script(ctx context.Context, text string) (out any, err error) {
	var r struct{ Result struct{ Value any } }
	err = p.call(ctx, "Runtime.evaluate", dict{"expression": text, "awaitPromise": true, "returnByValue": true}, &r)
	return r.Result.Value, err
}
