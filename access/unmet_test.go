package access_test

import (
	"net/netip"
	"testing"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/orgtree"
)

// TestUnmetConditions explains refusals that another address would have turned
// into leave.
func TestUnmetConditions(t *testing.T) {
	t.Parallel()
	root, partner, customer := orgtree.ID{1}, orgtree.ID{2}, orgtree.ID{3}
	policy := func(id byte, set access.SetName, networks ...string) access.Policy {
		rule := access.Rule{Sets: []access.SetName{set}, Scope: access.InOrganization()}
		if len(networks) > 0 {
			rule.Condition = &access.Condition{}
			for _, network := range networks {
				rule.Condition.CIDRs = append(rule.Condition.CIDRs, netip.MustParsePrefix(network))
			}
		}
		return access.Policy{ID: orgtree.ID{9, id}, Rules: []access.Rule{rule}}
	}
	const here, elsewhere = "192.0.2.0/24", "198.51.100.0/24"
	below := access.Target{Path: orgtree.Path{root, partner, customer}, Kind: orgtree.Standard, Status: orgtree.Active}
	at := access.Target{Path: orgtree.Path{root, partner}, Kind: orgtree.Partner, Status: orgtree.Active}
	for name, tt := range map[string]struct {
		policies   []access.Policy
		target     access.Target
		permission access.Permission
		want       []access.SetName
	}{
		"nothing":                       {nil, at, access.SettingsWrite, nil},
		"no condition":                  {[]access.Policy{policy(1, access.AuditReadOnly)}, at, access.SettingsWrite, nil},
		"it holds":                      {[]access.Policy{policy(1, access.OrganizationManager, here)}, at, access.SettingsWrite, nil},
		"it does not":                   {[]access.Policy{policy(1, access.OrganizationManager, elsewhere)}, at, access.SettingsWrite, []access.SetName{access.OrganizationManager}},
		"it would give something else":  {[]access.Policy{policy(1, access.BillingReadOnly, elsewhere)}, at, access.SettingsWrite, nil},
		"the right below":               {[]access.Policy{policy(1, access.ResellerReadOnly), policy(2, access.OrganizationManager, elsewhere)}, below, access.SettingsWrite, []access.SetName{access.OrganizationManager}},
		"the door":                      {[]access.Policy{policy(1, access.ResellerReadOnly, elsewhere), policy(2, access.OrganizationManager)}, below, access.SettingsWrite, []access.SetName{access.ResellerReadOnly}},
		"the door and the right":        {[]access.Policy{policy(1, access.ResellerReadOnly, elsewhere), policy(2, access.OrganizationManager, elsewhere)}, below, access.SettingsWrite, []access.SetName{access.OrganizationManager, access.ResellerReadOnly}},
		"the right, and the door holds": {[]access.Policy{policy(1, access.ResellerReadOnly, here), policy(2, access.OrganizationManager, elsewhere)}, below, access.SettingsWrite, []access.SetName{access.OrganizationManager}},
		"the door alone":                {[]access.Policy{policy(1, access.ResellerReadOnly, elsewhere)}, below, access.OrgRead, []access.SetName{access.ResellerReadOnly}},
		"what never flows":              {[]access.Policy{policy(1, access.ResellerReadOnly, elsewhere), policy(2, access.IAMManager, elsewhere)}, below, access.PoliciesWrite, nil},
	} {
		circumstances := access.Circumstances{Address: netip.MustParseAddr("192.0.2.1")}
		place := access.Place{Organization: partner, Kind: orgtree.Partner, Status: orgtree.Active, Switches: access.DefaultSwitches(), Policies: tt.policies}
		viewer := access.Viewer{
			Kind: access.User, ID: orgtree.ID{7}, Circumstances: circumstances,
			Standings: map[orgtree.ID]*access.Standing{partner: access.NewStanding(place, circumstances)},
		}
		var got []access.SetName
		for _, lead := range access.Explain(viewer, tt.permission, tt.target, access.DefaultSwitches()).Unmet {
			got = append(got, lead.Set)
		}
		if len(got) != len(tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
			continue
		}
		for i := range got {
			if got[i] != tt.want[i] {
				t.Errorf("%s: %v, want %v", name, got, tt.want)
			}
		}
	}
}
