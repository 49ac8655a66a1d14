package server

import (
	"bytes"
	"context"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/headwater-platform/headwater/fault"
)

// SignIn leads browsers to identity providers and back.
type SignIn struct {
	// Depart returns where a browser goes that signs in through a provider, and
	// the cookie by which it is recognized when it comes back. The parts are those
	// of the address.
	Depart func(ctx context.Context, provider, returnTo, link string) (Departure, error)
	// Arrive returns where a browser goes that came back.
	Arrive func(ctx context.Context, a Arrival) (string, error)
	// Secure says that browsers reach the server over TLS.
	Secure bool
}

// Departure is where a browser goes to sign in.
type Departure struct {
	URL string
	// CookieName and CookieValue are of the cookie that it keeps for so long.
	CookieName, CookieValue string
	CookieLife              time.Duration
}

// Arrival is what a browser brings back from a provider.
type Arrival struct {
	State, Code, Error, Issuer string
	// Cookie returns the value of a cookie of the browser, or "".
	Cookie func(name string) string
}

// signInPath is where cookies of a sign-in are sent to.
const signInPath = "/auth/oidc/"

// addSignIn serves the two steps that a browser takes by itself. What is wrong is
// shown as a page that does not tell strangers more than that; the log has it.
func (e *edge) addSignIn(r chi.Router) {
	if e.SignIn == nil {
		return
	}
	r.Method(http.MethodGet, signInPath+"{provider}/start", e.browserStep(e.depart))
	r.Method(http.MethodGet, signInPath+"callback", e.browserStep(e.arrive))
}

// browserStep bounds the steps of a browser as requests of nobody are bounded.
func (e *edge) browserStep(step func(http.ResponseWriter, *http.Request) error) http.Handler {
	return e.deadline(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if e.perAddress.exceeded(w, r, addressKey(r)) {
			e.showFailure(w, r, fault.New(fault.RateLimited, "too many requests"))
			return
		}
		if err := step(w, r); err != nil {
			e.showFailure(w, r, err)
		}
	}))
}

func (e *edge) depart(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	to, err := e.SignIn.Depart(r.Context(), chi.URLParam(r, "provider"), query.Get("return_to"), query.Get("link"))
	if err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure wherever the platform is reached over https
		Name: to.CookieName, Value: to.CookieValue, Path: signInPath, MaxAge: int(to.CookieLife / time.Second),
		HttpOnly: true, Secure: e.SignIn.Secure, SameSite: http.SameSiteLaxMode,
	})
	http.Redirect(w, r, to.URL, http.StatusSeeOther)
	return nil
}

func (e *edge) arrive(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	to, err := e.SignIn.Arrive(r.Context(), Arrival{
		State: query.Get("state"), Code: query.Get("code"), Error: query.Get("error"), Issuer: query.Get("iss"),
		Cookie: func(name string) string {
			cookie, err := r.Cookie(name)
			if err != nil {
				return ""
			}
			return cookie.Value
		},
	})
	if err != nil {
		return err
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// showFailure shows that a sign-in failed, and logs why.
func (e *edge) showFailure(w http.ResponseWriter, r *http.Request, err error) {
	x := exchangeOf(r.Context())
	code := fault.CodeOf(err)
	status, message, level := http.StatusBadRequest, "It did not work. Go back to where you came from and try again.", slog.LevelInfo
	switch code { //nolint:exhaustive // all other faults are the same to whoever signs in
	case fault.RateLimited:
		status, message = http.StatusTooManyRequests, "There were too many attempts from here. Wait a minute and try again."
	case fault.Internal:
		status, message, level = http.StatusInternalServerError, "Something is wrong on our side. Try again later.", slog.LevelError
	}
	x.codes = append(x.codes, code)
	e.Logger.LogAttrs(r.Context(), level, "sign-in failed", slog.String("requestId", x.ID), slog.String("cause", causes(err)))
	var page bytes.Buffer
	shown := template.Must(template.New("failure").Parse(string(mustRead("pages/signin-failed.html"))))
	if err := shown.Execute(&page, struct{ Message, RequestID string }{message, x.ID}); err != nil {
		panic(err) // the template is constant and its values are texts
	}
	h := w.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Content-Type", fileType("failure.html"))
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // nobody is left to tell
}
