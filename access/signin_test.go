package access_test

import (
	"testing"
	"time"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/orgtree"
)

// TestAdmits says who gets into an organization after which sign-in.
func TestAdmits(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	password := access.SignIn{Session: orgtree.ID{7}, Method: access.ByPassword, At: now.Add(-time.Hour)}
	provider := access.SignIn{Session: orgtree.ID{7}, Method: access.ByOIDC, At: now.Add(-time.Hour)}
	vouching := access.SignIn{Session: orgtree.ID{7}, Method: access.ByOIDC, At: now.Add(-time.Hour), SecondFactor: true}
	taken := access.SignIn{Session: orgtree.ID{7}, Method: access.ByImpersonation, At: now.Add(-time.Hour)}
	none := access.SignIn{}
	open := access.Demands{Password: true, OIDC: true}
	strict := access.Demands{Password: true, OIDC: true, SecondFactor: true, OwnPassword: true}
	for name, tt := range map[string]struct {
		demands access.Demands
		did     access.Compliance
		in      access.SignIn
		want    bool
	}{
		"a password where it is allowed":         {open, access.Compliance{}, password, true},
		"a password where it is not":             {access.Demands{OIDC: true}, access.Compliance{}, password, false},
		"a provider where it is allowed":         {open, access.Compliance{}, provider, true},
		"a provider where it is not":             {access.Demands{Password: true}, access.Compliance{}, provider, false},
		"no session where nothing is allowed":    {access.Demands{}, access.Compliance{}, none, true},
		"in somebody's place":                    {access.Demands{MaxDuration: time.Minute}, access.Compliance{GraceUntil: now}, taken, true},
		"a session that is young enough":         {access.Demands{Password: true, MaxDuration: time.Hour + time.Second}, access.Compliance{}, password, true},
		"a session that is just too old":         {access.Demands{Password: true, MaxDuration: time.Hour}, access.Compliance{}, password, false},
		"no session is never too old":            {access.Demands{MaxDuration: time.Second}, access.Compliance{}, none, true},
		"demands before the grace period begins": {strict, access.Compliance{}, password, true},
		"demands within the grace period":        {strict, access.Compliance{GraceUntil: now.Add(time.Microsecond)}, password, true},
		"demands after the grace period":         {strict, access.Compliance{GraceUntil: now}, password, false},
		"the same with an API key":               {strict, access.Compliance{GraceUntil: now}, none, false},
		"one of two demands is met":              {strict, access.Compliance{SecondFactor: true, GraceUntil: now}, password, false},
		"the other one":                          {strict, access.Compliance{OwnPassword: true, GraceUntil: now}, password, false},
		"both are met":                           {strict, access.Compliance{SecondFactor: true, OwnPassword: true, GraceUntil: now}, password, true},
		"a provider that vouches for the factor": {strict, access.Compliance{OwnPassword: true, GraceUntil: now}, vouching, true},
		"the password is still somebody else's":  {strict, access.Compliance{GraceUntil: now}, vouching, false},
		"an old grace period without demands":    {open, access.Compliance{GraceUntil: now}, password, true},
	} {
		s := access.NewStanding(access.Place{Organization: customer(), Kind: orgtree.Standard, Demands: tt.demands, Compliance: tt.did}, access.Circumstances{})
		if got := s.Admits(tt.in, now); got != tt.want {
			t.Errorf("%s: admitted %t, want %t", name, got, tt.want)
		}
	}
}

// TestAdmittedLeavesTheRest takes one of two standings away and finds the viewer
// that it was taken from as before.
func TestAdmittedLeavesTheRest(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	v := viewerWith(map[orgtree.ID]*access.Standing{
		customer(): access.NewStanding(access.Place{Organization: customer(), Kind: orgtree.Standard, Demands: access.Demands{OIDC: true}}, access.Circumstances{}),
		other():    access.NewStanding(access.Place{Organization: other(), Kind: orgtree.Standard, Demands: access.Demands{Password: true}}, access.Circumstances{}),
	})
	v.SignIn, v.At = access.SignIn{Session: orgtree.ID{7}, Method: access.ByPassword, At: now}, now
	admitted := v.Admitted()
	if _, in := admitted.Standings[customer()]; in || len(admitted.Standings) != 1 || len(v.Standings) != 2 {
		t.Errorf("admitted to %d of %d", len(admitted.Standings), len(v.Standings))
	}
	v.Kind = access.Application
	if len(v.Admitted().Standings) != 2 {
		t.Error("an application is not admitted")
	}
}
