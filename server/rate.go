package server

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/go-chi/httprate"
)

// limiter counts requests per key in a sliding minute, in this process. It
// keeps the keys of two minutes, so its memory is bounded by the traffic.
type limiter struct{ rate *httprate.RateLimiter }

// newLimiter returns a limiter, or one without a limit for a negative number.
func newLimiter(perMinute int) *limiter {
	if perMinute < 0 {
		return &limiter{}
	}
	return &limiter{rate: httprate.NewRateLimiter(perMinute, time.Minute)}
}

// exceeded counts a request and reports whether it is one too many. It sets the
// headers that tell the client how much is left and how long to wait.
func (l *limiter) exceeded(w http.ResponseWriter, r *http.Request, key string) bool {
	return l.rate != nil && l.rate.OnLimit(w, r, key)
}

// tokenKey does not keep the secret itself in memory.
func tokenKey(bearer string) string {
	sum := sha256.Sum256([]byte(bearer))
	return hex.EncodeToString(sum[:])
}

// addressKey counts an IPv6 network as one client, since it costs nothing to
// change the address within it.
func addressKey(r *http.Request) string {
	address := exchangeOf(r.Context()).Address
	if !address.IsValid() {
		return "unknown"
	}
	return httprate.CanonicalizeIP(address.String())
}
