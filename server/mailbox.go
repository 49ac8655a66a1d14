package server

import (
	"net/http"

	"github.com/go-chi/chi/v5"
)

// The policies of the pages that mails lead to and of the mailbox, whose mails
// style their elements. None loads anything from elsewhere.
const (
	accountPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	mailboxPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self'; connect-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// addMailPages serves the pages that the links of mails lead to, and the mailbox
// where there is one.
func (e *edge) addMailPages(r chi.Router) {
	for _, name := range []string{"accept-invitation", "set-password", "verify-email"} {
		r.Get("/"+name, page("pages/"+name+".html", accountPolicy))
	}
	r.Get("/account.js", page("pages/account.js", accountPolicy))
	r.Get("/account.css", page("pages/account.css", accountPolicy))
	if e.Mailbox == nil {
		return
	}
	r.Get("/mailbox", page("pages/mailbox.html", mailboxPolicy))
	r.Get("/mailbox.js", page("pages/mailbox.js", mailboxPolicy))
	r.Get("/mailbox.css", page("pages/mailbox.css", mailboxPolicy))
	r.Method(http.MethodGet, "/mailbox/messages", e.authenticate(http.HandlerFunc(e.mailbox)))
}

// mailbox answers with what is in the mailbox, to those who may see it.
func (e *edge) mailbox(w http.ResponseWriter, r *http.Request) {
	messages, err := e.Mailbox(r.Context())
	if err != nil {
		e.refuse(w, r, statusOf(err), err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", typeJSON)
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(messages) // A client that has gone needs no answer.
}
