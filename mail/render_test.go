package mail

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the mails of testdata")

// templates are the letters that there are.
func templates() []string {
	return []string{"invitation", "transfer", "welcome", "reset-password", "verify-email", "security", "impersonation", "owner", "former-owner", "sign-up-again", "ticket", "spending", "budget", "statement", "expiry"}
}

func letter(template, locale string) Letter {
	l := Letter{
		Template: template, Locale: locale, To: Address{Name: "Max Muster", Email: "max@acme.example"}, Platform: "Headwater", Organization: "Acme & Söhne",
		By: "Olga <b>Owner</b>", Subject: "Disk is full",
		Theme: Theme{Accent: "#aa3300", Logo: "https://cdn.example/logo.svg"},
	}
	if template == "impersonation" {
		l.Reason, l.Ends = "To look at <the> bill.", time.Date(2026, 11, 28, 9, 30, 0, 0, time.UTC)
	}
	if template == "spending" {
		l.Subject, l.Group, l.Used, l.Total, l.Since, l.Severity = "warning", "R&D <b>", "4250 USD", "5000 USD", "2026-11-01", "FREEZE"
	}
	switch template {
	case "budget":
		l.Used, l.Total, l.Since = "850 EUR", "1000 EUR", "2026-11"
	case "statement":
		l.Total, l.Since, l.Ends = "1234.56 EUR", "2026-10", time.Date(2026, 11, 28, 9, 30, 0, 0, time.UTC)
	case "expiry":
		l.Subject, l.Since = "Visa <b> 4242", "2026-11"
	}
	if template != "security" && template != "impersonation" && template != "owner" && template != "former-owner" {
		l.Link = "https://cloud.example/" + template + "?token=abc.def"
	}
	if l.Link != "" && !slices.Contains([]string{"sign-up-again", "ticket", "spending", "budget", "statement", "expiry"}, template) {
		l.ExpiresAt = time.Date(2026, 11, 28, 9, 30, 0, 0, time.UTC)
	}
	return l
}

// TestEveryLetterInEveryLanguage compares with the files of testdata.
func TestEveryLetterInEveryLanguage(t *testing.T) {
	t.Parallel()
	for _, template := range templates() {
		for _, locale := range []string{"en", "fr", "de"} {
			m, err := Render(letter(template, locale))
			if err != nil {
				t.Errorf("%s in %s: %v", template, locale, err)
				continue
			}
			compare(t, template+"."+locale+".txt", "Subject: "+m.Subject+"\n\n"+m.Text)
			if locale == "en" {
				compare(t, template+".html", m.HTML)
			}
			if strings.Contains(m.HTML, "<b>") || !strings.Contains(m.HTML, `<html lang="`+locale+`">`) || strings.Contains(m.Text, "&") && !strings.Contains(m.Text, "Acme & ") {
				t.Errorf("%s in %s: %s\n%s", template, locale, m.Text, m.HTML)
			}
		}
	}
}

func compare(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestTheLanguageFitsBest(t *testing.T) {
	t.Parallel()
	for locale, want := range map[string]string{
		"en": "en", "en-GB": "en", "fr-CA": "fr", "de-CH-1996": "de", "gsw": "de", "ja": "en", "": "en", "what?": "en", "fr-u-hc-h12": "fr",
	} {
		if got := languageOf(locale); got != want {
			t.Errorf("%q gets %s, want %s", locale, got, want)
		}
	}
}

// TestNobodyWritesHeadersOrMarkup puts hostile texts wherever people write some.
func TestNobodyWritesHeadersOrMarkup(t *testing.T) {
	t.Parallel()
	for _, hostile := range []string{
		"x\r\nBcc: all@evil.example", "x\nSubject: y", "a\u2028b\u0085c", "\x00", "<script>alert(1)</script>", `"onload="x`, "\u202egnp.exe",
		"a\n\nA new paragraph", strings.Repeat("long ", 500), "{{.Link}}", "\xff\xfe",
	} {
		for _, template := range templates() {
			l := letter(template, "en")
			l.To.Name, l.Platform, l.Organization, l.By, l.Subject = hostile, hostile, hostile, hostile, hostile
			l.Theme = Theme{Accent: hostile, Logo: "javascript:" + hostile}
			m, err := Render(l)
			if err != nil {
				t.Errorf("%s of %q: %v", template, hostile, err)
				continue
			}
			if hasControl(m.Subject) || hasControl(m.To.Name) || utf8.RuneCountInString(m.Subject) > maxSubject || !utf8.ValidString(m.HTML) {
				t.Errorf("%s of %q: %q to %q", template, hostile, m.Subject, m.To.Name)
			}
			if strings.Contains(m.HTML, "<script") || strings.Contains(m.HTML, "javascript:") || strings.Contains(m.Text, "\u202e") || strings.Contains(m.Text, "\nA new paragraph") {
				t.Errorf("%s of %q: %s", template, hostile, m.HTML)
			}
		}
	}
	for _, address := range []string{"", "max", "max@a.example\r\nBcc: x@y.example", "Max <max@a.example>", "a@b, c@d", " max@a.example", "<max@a.example>", strings.Repeat("x", 250) + "@a.example"} {
		l := letter("welcome", "en")
		l.To.Email = address
		if m, err := Render(l); err == nil {
			t.Errorf("%q is taken as an address: %v", address, m.To)
		}
	}
}

func TestLinksAndColoursStayReadable(t *testing.T) {
	t.Parallel()
	for accent, ink := range map[string]string{"#ffffff": "#000000", "#ffee00": "#000000", "#000000": "#ffffff", "#0f6d8c": "#ffffff"} {
		if got := inkOn(accent); got != ink {
			t.Errorf("on %s one writes in %s", accent, got)
		}
	}
}

func TestSenders(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Address{
		"no-reply@cloud.example":          {Email: "no-reply@cloud.example"},
		"Cloud <no-reply@cloud.example>":  {Name: "Cloud", Email: "no-reply@cloud.example"},
		`"Cloud, Inc." <a@cloud.example>`: {Name: "Cloud, Inc.", Email: "a@cloud.example"},
	} {
		if got, err := ParseSender(text); err != nil || got != want {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "cloud", "a@b\r\nBcc: c@d", "a@b, c@d"} {
		if got, err := ParseSender(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}
