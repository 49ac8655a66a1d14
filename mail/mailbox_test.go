package mail

import (
	"fmt"
	"testing"
	"time"
)

func TestTheMailboxKeepsTheLatest(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	box := NewMailbox(func() time.Time { at = at.Add(time.Second); return at })
	for n := range kept + 5 {
		if err := box.Send(t.Context(), Message{To: Address{Email: "max@acme.example"}, Subject: fmt.Sprint(n), Text: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	list := box.Messages()
	if len(list) != kept || list[0].Subject != "204" || list[0].Number != 205 || list[kept-1].Subject != "5" || !list[0].At.Equal(at) {
		t.Errorf("%d mails, from %v to %v", len(list), list[0], list[kept-1])
	}
	for _, bad := range []Message{
		{To: Address{Email: "max@acme.example"}, Subject: "a\r\nBcc: x@y.example", Text: "x"},
		{To: Address{Email: "max"}, Subject: "a", Text: "x"},
		{To: Address{Email: "max@acme.example"}, Subject: "a"},
		{To: Address{Email: "max@acme.example"}, Text: "x"},
		{To: Address{Email: "max@acme.example", Name: "a\nb"}, Subject: "a", Text: "x"},
	} {
		if err := box.Send(t.Context(), bad); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}
