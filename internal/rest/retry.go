package rest

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// Intent says what a request is for, and so whether it may be sent again.
type Intent int

// What a request may be for.
const (
	Act  Intent = iota // it changes something: sent once, whatever comes back. The zero value, so that forgetting is safe
	Read               // it changes nothing: sent again a few times
	Look               // it changes nothing, and the caller asks again later: sent once
)

type intentKey struct{}

func intentOf(ctx context.Context) Intent {
	intent, _ := ctx.Value(intentKey{}).(Intent)
	return intent
}

// retrier returns the retrying client for one call.
func (c *Client) retrier(intent Intent, hc *http.Client, note func(*http.Response, error)) *retryablehttp.Client {
	return &retryablehttp.Client{
		HTTPClient:   hc,
		Logger:       nil, // it would log addresses with their queries; note logs what may be seen
		RetryMax:     c.retries,
		RetryWaitMin: c.min,
		RetryWaitMax: c.max,
		ErrorHandler: retryablehttp.PassthroughErrorHandler, // the last answer says more than "gave up"
		Backoff:      pause,
		CheckRetry: func(ctx context.Context, resp *http.Response, err error) (bool, error) {
			note(resp, err)
			if intent != Read || ctx.Err() != nil {
				return false, nil
			}
			if err != nil {
				return !lasting(err), nil
			}
			switch resp.StatusCode {
			case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
				return true, nil
			}
			return false, nil
		},
	}
}

// pause doubles from least to most. Where the appliance names a time, that time counts, up to [DefaultRetryAfter].
func pause(least, most time.Duration, attempt int, resp *http.Response) time.Duration {
	if resp != nil {
		if wait, ok := retryAfter(resp.Header); ok {
			return min(wait, DefaultRetryAfter)
		}
	}
	wait := least
	for range attempt {
		if wait *= 2; wait >= most {
			return most
		}
	}
	return min(wait, most)
}

// retryAfter reads the header in its two forms. A date is measured against the appliance's own Date, if it sent one.
func retryAfter(h http.Header) (time.Duration, bool) {
	value := h.Get("Retry-After")
	if value == "" {
		return 0, false
	}
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(n) * time.Second, true
	}
	until, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return max(until.Sub(now), 0), true
}
