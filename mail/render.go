package mail

import (
	"embed"
	"fmt"
	html "html/template"
	"regexp"
	"strings"
	text "text/template"
	"time"

	"golang.org/x/text/language"
)

//go:embed texts
var files embed.FS

// Letter is what a mail says before it is put into words. Texts that people
// wrote may hold anything.
type Letter struct {
	// Template names the text, such as "invitation".
	Template string
	// Locale is the language that is wanted, as a BCP 47 tag.
	Locale string
	To     Address
	// Platform is the public name of the platform.
	Platform string
	// Organization is in whose name it is written, or "".
	Organization string
	// By is who caused it, or "".
	By string
	// Subject is what a ticket is about, or the name of a threshold or of a payment
	// method.
	Subject string
	// Group is who has used how much of what since when, "" for the organization and
	// for good, and Severity what the threshold does. Total is also what a statement
	// comes to, and Since its month or the last one of a payment method.
	Group, Used, Total, Since, Severity string
	// Reason is why somebody acts in the recipient's place, and Ends until when, or
	// when a statement is due.
	Reason string
	Ends   time.Time
	// Link is where the one thing that can be done is done, or "".
	Link string
	// ExpiresAt is when the link ends.
	ExpiresAt time.Time
	Theme     Theme
}

// Theme is what an organization's theme says that a mail can show.
type Theme struct {
	// Accent is a colour as #rrggbb, Logo an https address; "" for the usual ones.
	Accent string
	Logo   string
}

// languages are those that there are texts in, the one for all others first.
func languages() []language.Tag {
	return []language.Tag{language.English, language.French, language.German}
}

// languageOf returns the language of the texts that fits a locale best.
func languageOf(locale string) string {
	wanted, err := language.Parse(locale)
	if err != nil {
		wanted = language.English
	}
	_, index, _ := language.NewMatcher(languages()).Match(wanted)
	return languages()[index].String()
}

// usualAccent is the colour where a theme says none, or something else.
const usualAccent = "#0f6d8c"

// written is what the layouts show.
type written struct {
	Letter
	Language   string
	Title      string
	Greeting   string
	Paragraphs []string
	Action     string
	Until      string
	Footer     string
	Ink        string
}

// Render puts a letter into words.
func Render(l Letter) (Message, error) {
	l.Platform, l.Organization = oneLine(l.Platform, maxName), oneLine(l.Organization, maxName)
	l.By, l.Subject, l.Reason = oneLine(l.By, maxName), oneLine(l.Subject, maxName), oneLine(l.Reason, maxReason)
	to, err := NewAddress(l.To.Name, l.To.Email)
	if err != nil {
		return Message{}, fmt.Errorf("recipient: %w", err)
	}
	l.To = to
	l.Theme = l.Theme.checked()
	w, err := l.words()
	if err != nil {
		return Message{}, err
	}
	m := Message{To: to, Subject: oneLine(w.Title, maxSubject)}
	if m.Text, err = textOf(w); err != nil {
		return Message{}, err
	}
	if m.HTML, err = htmlOf(w); err != nil {
		return Message{}, err
	}
	return m, m.check()
}

// checked returns the theme without what is not a colour or not an https
// address.
func (t Theme) checked() Theme {
	if !regexp.MustCompile(`^#[0-9a-f]{6}$`).MatchString(t.Accent) {
		t.Accent = usualAccent
	}
	if !strings.HasPrefix(t.Logo, "https://") {
		t.Logo = ""
	}
	return t
}

// words returns the texts of a letter in its language.
func (l Letter) words() (written, error) {
	w := written{Letter: l, Language: languageOf(l.Locale), Ink: inkOn(l.Theme.Accent)}
	texts, err := text.New("").Option("missingkey=error").ParseFS(files, "texts/"+w.Language+".txt")
	if err != nil {
		return written{}, fmt.Errorf("read texts: %w", err)
	}
	var failed error
	say := func(name string) string {
		var said strings.Builder
		if err := texts.ExecuteTemplate(&said, name, l); err != nil && failed == nil {
			failed = fmt.Errorf("write %s: %w", name, err)
		}
		return strings.TrimSpace(said.String())
	}
	w.Title, w.Greeting = say(l.Template+".subject"), say("greeting")
	for paragraph := range strings.SplitSeq(say(l.Template+".body"), "\n\n") {
		w.Paragraphs = append(w.Paragraphs, strings.Join(strings.Fields(paragraph), " "))
	}
	if l.Link != "" {
		w.Action = say(l.Template + ".action")
	}
	if !l.ExpiresAt.IsZero() {
		w.Until = say("until")
	}
	w.Footer = say("footer")
	return w, failed
}

// textOf returns the plain form.
func textOf(w written) (string, error) {
	layout, err := text.ParseFS(files, "texts/layout.txt")
	if err != nil {
		return "", fmt.Errorf("read layout: %w", err)
	}
	var out strings.Builder
	if err := layout.Execute(&out, w); err != nil {
		return "", fmt.Errorf("write text: %w", err)
	}
	return out.String(), nil
}

// htmlOf returns the form in colour.
func htmlOf(w written) (string, error) {
	layout, err := html.ParseFS(files, "texts/layout.html")
	if err != nil {
		return "", fmt.Errorf("read layout: %w", err)
	}
	var out strings.Builder
	if err := layout.Execute(&out, w); err != nil {
		return "", fmt.Errorf("write HTML: %w", err)
	}
	return out.String(), nil
}

// inkOn returns the colour of letters, black or white, that can be read on a
// colour.
func inkOn(accent string) string {
	var red, green, blue int
	if _, err := fmt.Sscanf(accent, "#%02x%02x%02x", &red, &green, &blue); err == nil && 299*red+587*green+114*blue > 150_000 {
		return "#000000"
	}
	return "#ffffff"
}
