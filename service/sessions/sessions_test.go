package sessions

import (
	"crypto/rand"
	"net/netip"
	"regexp"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/session"
)

// TestEveryEnd tries each step in each state.
func TestEveryEnd(t *testing.T) {
	t.Parallel()
	possible := map[State]map[step]session.EndReason{
		Live: {
			signingOut: session.EndReasonSIGNED_OUT, revoking: session.EndReasonREVOKED, reusing: session.EndReasonREUSED,
			replacing: session.EndReasonREPLACED, changingPassword: session.EndReasonPASSWORD_CHANGED,
		},
		Expired: {replacing: session.EndReasonREPLACED},
	}
	for _, from := range []State{Live, Expired, Ended} {
		for _, s := range []step{signingOut, revoking, reusing, replacing, changingPassword} {
			want, isPossible := possible[from][s]
			if got, ok := endOf(from, s); ok != isPossible || got != want {
				t.Errorf("to %s what is %s gives %q, %v; want %q", s, from, got, ok, want)
			}
		}
	}
}

func TestSessionsEndByTheClock(t *testing.T) {
	t.Parallel()
	end := time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)
	early := end.Add(-time.Hour)
	for _, tt := range []struct {
		ended *time.Time
		now   time.Time
		want  State
	}{
		{nil, end.Add(-time.Microsecond), Live},
		{nil, end, Expired},
		{&early, end.Add(-time.Microsecond), Ended},
		{&early, end.Add(time.Hour), Ended},
	} {
		row := &ent.Session{ExpiresAt: end, EndedAt: tt.ended}
		if got := stateAt(row, tt.now); got != tt.want {
			t.Errorf("at %s it is %s, want %s", tt.now, got, tt.want)
		}
	}
}

func TestDelay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pace     pace
		attempts int
		want     time.Duration
	}{
		{paceOfAccounts(), 0, 0},
		{paceOfAccounts(), 2, 0},
		{paceOfAccounts(), 3, time.Second},
		{paceOfAccounts(), 4, 2 * time.Second},
		{paceOfAccounts(), 12, 512 * time.Second},
		{paceOfAccounts(), 13, 15 * time.Minute},
		{paceOfAccounts(), 1_000_000, 15 * time.Minute},
		{paceOfAddresses(), 19, 0},
		{paceOfAddresses(), 20, time.Second},
		{paceOfMails(), 2, 0},
		{paceOfMails(), 3, time.Minute},
		{paceOfMails(), 10, time.Hour},
	} {
		if got := tt.pace.delay(tt.attempts); got != tt.want {
			t.Errorf("after %d attempts the wait is %s, want %s", tt.attempts, got, tt.want)
		}
	}
}

func TestNetworkOf(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.1":            "192.0.2.1",
		"::ffff:192.0.2.1":     "192.0.2.1",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2::1":      "2001:db8:1:2::/64",
		"fe80::1%eth0":         "fe80::/64",
	} {
		if got := networkOf(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s is of %s, want %s", address, got, want)
		}
	}
	if got := networkOf(netip.Addr{}); got != "invalid IP" {
		t.Errorf("no address is of %s", got)
	}
}

// TestCountedTogether wants that an account is counted under one name, however it
// is called, and that kinds of things are kept apart.
func TestCountedTogether(t *testing.T) {
	t.Parallel()
	nina := account{row: &ent.User{ID: uuid.New()}}
	if countedAccount(nina, "nina").key != countedAccount(nina, "nina@acme.example").key {
		t.Error("one account is counted under two names")
	}
	keys := map[string]bool{
		countedAccount(nina, "").key: true, countedAccount(account{}, "nina").key: true, countedAccount(account{}, "max").key: true,
		countedAddress(t.Context()).key: true, countedMails(t.Context()).key: true,
	}
	if len(keys) != 5 {
		t.Errorf("5 things have %d names", len(keys))
	}
	if countedAccount(account{}, "NINA").key != countedAccount(account{}, "nina").key {
		t.Error("a name of nobody's is counted with regard to case")
	}
}

// TestCodes wants the codes that RFC 6238 lists, the last six digits of them.
func TestCodes(t *testing.T) {
	t.Parallel()
	const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037"} {
		if got, err := codeAt(secret, at/30); err != nil || got != want {
			t.Errorf("at %d the code is %s, %v; want %s", at, got, err, want)
		}
	}
}

func TestRecoveryCodes(t *testing.T) {
	t.Parallel()
	codes, err := newRecoveryCodes(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form, seen := regexp.MustCompile(`^[A-Z2-7]{4}(-[A-Z2-7]{4}){3}$`), map[string]bool{}
	row, other := &ent.User{ID: uuid.New()}, &ent.User{ID: uuid.New()}
	for _, code := range codes {
		if !form.MatchString(code) || seen[code] {
			t.Errorf("%s is no code", code)
		}
		seen[code] = true
		typed := " " + regexp.MustCompile("-").ReplaceAllString(code, " ")
		if recoveryHash(row, code) != recoveryHash(row, typed) || recoveryHash(row, code) == recoveryHash(other, code) {
			t.Errorf("%s is not known as it is typed, or to somebody else", code)
		}
	}
	if len(codes) != recoveryCodes {
		t.Errorf("%d codes", len(codes))
	}
}

// TestSpendTwice uses each factor twice.
func TestSpendTwice(t *testing.T) {
	t.Parallel()
	row := &ent.User{ID: uuid.New(), MfaEnabled: true, TotpStep: 10, RecoveryCodes: []string{"a", "b"}}
	for _, tt := range []struct {
		name string
		f    factor
		ok   bool
	}{
		{"none", factor{}, false},
		{"an old step", factor{step: 9}, false},
		{"the last step", factor{step: 10}, false},
		{"the next step", factor{step: 11}, true},
		{"a code that is left", factor{recovery: "b"}, true},
		{"a code that was used", factor{recovery: "c"}, false},
	} {
		if err := tt.f.check(row); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if err := (factor{}).check(&ent.User{}); err != nil {
		t.Errorf("an account without a second factor wants one: %v", err)
	}
}

func TestOwnHands(t *testing.T) {
	t.Parallel()
	id := [16]byte{1}
	for name, tt := range map[string]struct {
		viewer access.Viewer
		ok     bool
	}{
		"nobody":           {access.Viewer{}, false},
		"a person":         {access.Viewer{Kind: access.User, ID: id}, true},
		"an application":   {access.Viewer{Kind: access.Application, ID: id}, false},
		"in their place":   {access.Viewer{Kind: access.User, ID: id, By: access.Actor{ID: id}}, false},
		"an API key":       {access.Viewer{Kind: access.User, ID: id, Key: id}, false},
		"one organization": {access.Viewer{Kind: access.User, ID: id, Organization: id}, false},
	} {
		if err := checkOwnHands(tt.viewer); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
