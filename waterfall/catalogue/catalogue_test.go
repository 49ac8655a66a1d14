package catalogue_test

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/waterfall"
	"github.com/headwater-platform/headwater/waterfall/catalogue"
)

// examples holds for every key values that are read, with what is read back
// where it differs ("as => read"), and values that are refused.
func examples() map[string]struct{ good, bad []string } {
	boolean := struct{ good, bad []string }{
		good: []string{`true`, ` false => false`},
		bad:  []string{`"true"`, `1`, `null`, `[]`, ``, `tru`},
	}
	quota := struct{ good, bad []string }{
		good: []string{`0`, `50`, `2147483647`},
		bad:  []string{`-1`, `2147483648`, `1.5`, `1e3`, `"50"`, `null`, `01`, `true`, `{}`},
	}
	return map[string]struct{ good, bad []string }{
		"authentication.methods": {
			good: []string{`["password"]`, `["password", "oidc"] => ["oidc","password"]`},
			bad:  []string{`[]`, `["telepathy"]`, `["password","password"]`, `"password"`, `[1]`, `[null]`, `null`, `{"password":true}`},
		},
		"authentication.mfa_required":              boolean,
		"authentication.password_renewal_required": boolean,
		"authentication.session_max_duration": {
			good: []string{`"PT8H"`, `"P30D"`, `"P2W" => "P14D"`, `"PT720H"`, `"PT0H30M" => "PT30M"`, `"P1DT12H30M5S"`},
			bad:  []string{`"P1M"`, `"P1Y"`, `"8h"`, `"PT"`, `"P"`, `"P1DT"`, `"PT1H1H"`, `"PT1M1H"`, `"PT4M"`, `"P366D"`, `"-P1D"`, `"P1.5D"`, `"P1W1D"`, `"P99999999999D"`, `28800`, `null`, `"p1d"`, `"P 1D"`},
		},
		"authentication.password_min_length":        {good: []string{`8`, `128`}, bad: []string{`7`, `129`, `"12"`, `12.0`}},
		"authentication.login_attempts_before_lock": {good: []string{`1`, `100`}, bad: []string{`0`, `101`, `null`}},
		"authentication.grace_period":               {good: []string{`"PT0S"`, `"P3D"`}, bad: []string{`"P91D"`, `0`}},
		"authentication.api_key_max_duration":       {good: []string{`"P90D"`, `"P36500D"`}, bad: []string{`"PT59M"`, `"P36501D"`}},
		"policies.no_root_access":                   boolean,
		"policies.no_public_ip":                     boolean,
		"policies.approved_regions": {
			good: []string{`[]`, `["eu-west-1", "europe-west4"]=>["eu-west-1","europe-west4"]`},
			bad:  []string{`["eu west"]`, `[""]`, `"eu-west-1"`, `["` + strings.Repeat("a", 65) + `"]`},
		},
		"policies.archive_cost_months":          {good: []string{`0`, `1`, `3`, `6`, `12`, `"6" => 6`}, bad: []string{`2`, `"never"`, `null`, `6.0`}},
		"members.administrators_manage_billing": boolean,
		"members.administrators_manage_members": boolean,
		"quotas.users":                          quota,
		"quotas.groups":                         quota,
		"quotas.applications":                   quota,
		"quotas.policies":                       quota,
		"quotas.api_keys":                       quota,
		"quotas.projects":                       quota,
		"quotas.ssh_keys":                       quota,
		"quotas.seats":                          quota,
		"variables": {
			good: []string{
				`{}`, `{"B":"2","A":"1"} => {"A":"1","B":"2"}`, `{"A":{"value":"x"}} => {"A":"x"}`,
				`{"TOKEN":{"value":"hunter2","secret":true}} => {"TOKEN":{"secret":true}}`, `{"A":{"value":"x","secret":false}} => {"A":"x"}`,
				`{"HTML":"<a href=\"?b&c\">"}`,
			},
			bad: []string{`{"1A":"x"}`, `{"A":1}`, `{"A":null}`, `{"A":{"secret":true}}`, `{"A":{"value":"x","hidden":true}}`, `{"A":"1","A":"2"}`, `[]`, `null`, `{"A":"` + strings.Repeat("x", 8193) + `"}`, `{"A":"\u0000"}`, `{"A":{"value":"x","secret":"yes"}}`},
		},
		"customize.theme": {
			good: []string{
				`{"accent":"#AABBCC","logo":"https://cdn.example/a.svg"} => {"accent":"#aabbcc","logo":"https://cdn.example/a.svg"}`,
				`{"default_theme":"dark","logoDark":"https://cdn.example/d.svg"}`, `{}`,
			},
			bad: []string{`{"accent":"red"}`, `{"accent":"#abc"}`, `{"logo":"http://cdn.example/a.svg"}`, `{"logo":"https://user:pw@cdn.example/a.svg"}`, `{"logo":"javascript:alert(1)"}`, `{"logo":"https://"}`, `{"default_theme":"pink"}`, `{"Accent":"#aabbcc"}`, `{"accent":null}`, `{"accent":true}`},
		},
		"customize.sidebar": {
			good: []string{`[]`, `["users","groups"]`, `["groups","users"]`},
			bad:  []string{`["users","users"]`, `[""]`, `["a b"]`, `{}`, `[1]`},
		},
		"customize.login_banner": {
			good: []string{`{}`, `{"title":"Hello","body":"**Be** nice"} => {"body":"**Be** nice","title":"Hello"}`, `{"title":"Hello"}`},
			bad:  []string{`{"headline":"x"}`, `{"title":null}`, `{"title":1}`, `"Hello"`, `[]`, `{"title":"` + strings.Repeat("x", 201) + `"}`, `{"title":"a","title":"b"}`, `{"body":"\ud800"}`},
		},
		"customize.user_defaults": {
			good: []string{`[]`, `[{"name":"small","kind":"cluster","spec":{"nodes":"2"}}] => [{"kind":"cluster","name":"small","spec":{"nodes":"2"}}]`},
			bad:  []string{`[{}]`, `[{"kind":"cluster"}]`, `["cluster"]`, `[{"kind":"cluster","name":"a","spec":[]}]`, `[{"kind":"a","name":"b"},{"name":"b","kind":"a"}]`, `{}`, `[{"kind":"cluster","name":"a","spec":{"n":2}}]`},
		},
		"customize.locale": {
			good: []string{`"en"`, `"en-GB"`, `"zh-Hant-TW"`, `"de-CH-1996"`, `"es-419"`, `"en-US-u-hc-h12"`},
			bad:  []string{`""`, `"english please"`, `"en_GB"`, `"e"`, `"en-"`, `1`, `null`, `"-en"`},
		},
		"customize.timezone": {
			good: []string{`"UTC"`, `"Europe/Paris"`, `"America/Argentina/Buenos_Aires"`, `"Asia/Kolkata"`},
			bad:  []string{`"Paris"`, `"Europe/Atlantis"`, `"../../etc/passwd"`, `""`, `"utc"`, `0`},
		},
		"cloud.providers": {
			good: []string{`[]`, `["aws"]`, `["oracle","aws"] => ["aws","oracle"]`},
			bad:  []string{`["AWS"]`, `["vultr"]`, `"aws"`, `["aws","aws"]`},
		},
		"cloud.instance_types": {
			good: []string{`[]`, `["aws/c5.large","azure/Standard_D2s_v3"]`},
			bad:  []string{`["c5.large"]`, `["vultr/x"]`, `["aws/"]`, `["aws/*"]`, `["aws/c5 large"]`},
		},
		"cloud.instance_limits": {
			good: []string{`{}`, `{"aws/c5.large":4,"aws/*":10,"*":0} => {"*":0,"aws/*":10,"aws/c5.large":4}`},
			bad:  []string{`{"c5.large":4}`, `{"aws/c5.large":-1}`, `{"aws/c5.large":"4"}`, `{"aws/c5.large":null}`, `{"vultr/*":1}`, `{"aws/c*":1}`, `[]`, `{"*":1,"*":2}`, `{"*":1.5}`},
		},
		"cloud.bootstrap_script": {
			good: []string{`""`, `"#!/bin/sh\necho \"hi\"\n"`},
			bad:  []string{`"` + strings.Repeat("x", 64<<10+1) + `"`, `null`, `["x"]`, `"\u0007"`},
		},
		"cloud.reservations": {
			good: []string{`{}`, `{"cr-1":{"provider":"aws","group":"hpc","description":"night"}} => {"cr-1":{"description":"night","group":"hpc","provider":"aws"}}`},
			bad:  []string{`{"cr-1":{"provider":"aws"}}`, `{"cr-1":{"provider":"vultr","group":"a"}}`, `{"cr 1":{"provider":"aws","group":"a"}}`, `{"cr-1":"aws"}`, `{"cr-1":{"provider":"aws","group":"a","count":1}}`},
		},
		"billing.chain_mode":                          {good: []string{`"SOURCE"`, `"UPSTREAM"`, `"LIST"`}, bad: []string{`"source"`, `""`, `null`}},
		"billing.currency":                            {good: []string{`"USD"`, `"EUR"`, `"JPY"`}, bad: []string{`"usd"`, `"XXX"`, `"US"`, `840`}},
		"billing.rounding":                            {good: []string{`"HALF_EVEN"`, `"HALF_UP"`}, bad: []string{`"half"`, `2`}},
		"billing.visible_to_customer":                 {good: []string{`"NONE"`, `"FACTOR"`, `"CHAIN"`}, bad: []string{`"ALL"`, `true`}},
		"billing.source_cost_visible":                 boolean,
		"api.query_cost_limit":                        {good: []string{`100`, `1000000`}, bad: []string{`99`, `"100"`}},
		"api.requests_per_minute":                     {good: []string{`1`, `600`}, bad: []string{`0`}},
		"api.page_size_max":                           {good: []string{`1`, `100`}, bad: []string{`0`, `101`}},
		"platform.self_service_signup":                boolean,
		"platform.self_service_organizations":         boolean,
		"platform.activation_requires_payment_method": boolean,
		"platform.maintenance":                        boolean,
		"platform.public_name":                        {good: []string{`"Headwater"`}, bad: []string{`""`, `"  "`, `null`, `"` + strings.Repeat("x", 101) + `"`}},
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	tables := examples()
	for _, d := range catalogue.Definitions() {
		t.Run(d.Key, func(t *testing.T) {
			t.Parallel()
			table, found := tables[d.Key]
			if !found || len(table.good) == 0 || len(table.bad) == 0 {
				t.Fatal("has no examples of good and bad values")
			}
			for _, example := range table.good {
				given, want, differs := strings.Cut(example, "=>")
				if !differs {
					want = given
				}
				checkGood(t, d, given, strings.TrimSpace(want))
			}
			for _, given := range table.bad {
				v, err := d.ParseValue([]byte(given))
				var f *fault.Error
				if !errors.As(err, &f) || f.Code != fault.Invalid || f.Field != "value" {
					t.Errorf("%s: got %s and %v, want INVALID for the field value", given, v.JSON(), err)
				}
			}
		})
	}
	if len(tables) != len(catalogue.Definitions()) {
		t.Errorf("%d keys have examples, %d exist", len(tables), len(catalogue.Definitions()))
	}
}

// checkGood reads a value, its shown form, its stored form, and an operation
// that sets it.
func checkGood(t *testing.T, d *waterfall.Definition, given, want string) {
	t.Helper()
	v, err := d.ParseValue([]byte(given))
	if err != nil {
		t.Errorf("%s: %v", given, err)
		return
	}
	if got := string(v.JSON()); got != want {
		t.Errorf("%s: shown as %s, want %s", given, got, want)
	}
	if again, err := d.ParseValue(v.Reveal()); err != nil || !again.Equal(v) {
		t.Errorf("%s: stored as %s, which reads as %s, %v", given, v.Reveal(), again.Reveal(), err)
	}
	op, err := d.ParseOperation(waterfall.OperationReplace, []byte(given))
	if err != nil {
		t.Errorf("replace with %s: %v", given, err)
		return
	}
	encoded, err := op.Encode()
	if err != nil {
		t.Errorf("encode %s: %v", given, err)
	}
	if decoded, err := d.DecodeOperation(encoded); err != nil || !decoded.Equal(op) {
		t.Errorf("%s: encoded as %s, which decodes as %s, %v", given, encoded, decoded.Requested(), err)
	}
}

func TestDefinitions(t *testing.T) {
	t.Parallel()
	keyForm := regexp.MustCompile(`^[a-z]+(\.[a-z_]+)?$`)
	seen := map[string]bool{}
	for _, d := range catalogue.Definitions() {
		if !keyForm.MatchString(d.Key) || seen[d.Key] {
			t.Errorf("%s is no key, or is there twice", d.Key)
		}
		seen[d.Key] = true
		if section, _, _ := strings.Cut(d.Key, "."); section != d.Section {
			t.Errorf("%s stands in the section %s", d.Key, d.Section)
		}
		if d.Title == "" || !strings.HasSuffix(d.Description, ".") || d.Merge == "" || len(d.Levels) == 0 {
			t.Errorf("%s lacks a title, a sentence, a merge or levels", d.Key)
		}
		if d.WritePermission == "" || d.ManagePermission == "" {
			t.Errorf("%s can be written by nobody", d.Key)
		}
		if !slices.Contains(waterfall.Type("").Values(), string(d.Type)) || !slices.Contains(waterfall.Merge("").Values(), string(d.Merge)) {
			t.Errorf("%s has the type %s and the merge %s", d.Key, d.Type, d.Merge)
		}
		if read, err := d.ParseValue(d.Default.Reveal()); err != nil || !read.Equal(d.Default) {
			t.Errorf("%s does not accept its default %s: %v", d.Key, d.Default.JSON(), err)
		}
		if found, ok := catalogue.Lookup(d.Key); !ok || found != d {
			t.Errorf("%s is not found", d.Key)
		}
	}
	if _, found := catalogue.Lookup("quotas.unicorns"); found {
		t.Error("an unknown key is found")
	}
}

// TestOverview pins what clients and the documentation show of each setting.
func TestOverview(t *testing.T) {
	t.Parallel()
	var got strings.Builder
	for _, d := range catalogue.Definitions() {
		levels := make([]string, len(d.Levels))
		for i, level := range d.Levels {
			levels[i] = string(level)
		}
		value := string(d.Default.JSON())
		if d.Unlimited != 0 && d.Default.Int() == d.Unlimited {
			value += " unlimited"
		}
		got.WriteString(strings.Join([]string{d.Key, string(d.Type), string(d.Merge), strings.Join(levels, "…"), value, d.WritePermission, d.ManagePermission}, " | ") + "\n")
	}
	if diff := cmp.Diff(overview, got.String()); diff != "" {
		t.Errorf("the catalogue changed (-want +got):\n%s", diff)
	}
}

func TestPermission(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, key string
		level     waterfall.Level
		side      waterfall.Side
		want      string
	}{
		{"the platform's own", "quotas.users", waterfall.LevelPlatform, waterfall.SideOwn, "platform:write"},
		{"an organization's own", "customize.theme", waterfall.LevelOrganization, waterfall.SideOwn, "settings:write"},
		{"a group as its organization", "variables", waterfall.LevelGroup, waterfall.SideOwn, "settings:write"},
		{"another member's", "customize.theme", waterfall.LevelUser, waterfall.SideOwn, "users:write"},
		{"placing limits on a managed organization", "cloud.providers", waterfall.LevelOrganization, waterfall.SideManager, "partner:limits"},
		{"placing anything else", "policies.no_public_ip", waterfall.LevelOrganization, waterfall.SideManager, "settings:write"},
		{"members' rights by no other verb", "members.administrators_manage_billing", waterfall.LevelOrganization, waterfall.SideManager, "groups:roles"},
		{"identity", "authentication.methods", waterfall.LevelOrganization, waterfall.SideOwn, "identity:write"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d, found := catalogue.Lookup(tt.key)
			if !found {
				t.Fatalf("no setting %s", tt.key)
			}
			if got := d.Permission(tt.level, tt.side); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestWordsAreJSON(t *testing.T) {
	t.Parallel()
	for _, d := range catalogue.Definitions() {
		words := d.Words()
		if len(words) != len(d.Options) {
			t.Errorf("%s has %d words of %d", d.Key, len(words), len(d.Options))
		}
		for _, word := range words {
			if !json.Valid([]byte(word)) {
				t.Errorf("%s offers %s, which is no JSON", d.Key, word)
			}
		}
	}
}
