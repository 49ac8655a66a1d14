package statements

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/batch"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/billingprofile"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/typeid"
)

// Profile is who an organization is on statements.
type Profile struct {
	Company string
	// Address are the lines of the postal address.
	Address []string
	// Country is an ISO 3166-1 alpha-2 code, "" for none.
	Country string
	VATID   string
	Email   string
	Version int
}

// The bounds of a profile, in characters but for the lines of an address.
const (
	maxCompany      = 200
	maxAddressLines = 6
	maxAddressLine  = 200
	maxVATID        = 50
)

var country = regexp.MustCompile(`^([A-Z]{2})?$`)

// ProfileUpdate is what updateBillingProfile is asked for; nil leaves a field as it
// is.
type ProfileUpdate struct {
	Organization    uuid.UUID
	Company         *string
	Address         []string
	Country         *string
	VATID           *string
	Email           *string
	ExpectedVersion *int
}

// apply returns the profile as it will be, or INVALID.
func (u ProfileUpdate) apply(before Profile) (Profile, error) {
	after := before
	for _, text := range []struct {
		field string
		given *string
		to    *string
		most  int
	}{
		{"company", u.Company, &after.Company, maxCompany}, {"vatId", u.VATID, &after.VATID, maxVATID},
	} {
		if text.given == nil {
			continue
		}
		if !fault.IsLine(*text.given, text.most) {
			return Profile{}, fault.Invalidf(text.field, "this is one line of at most %d printable characters", text.most)
		}
		*text.to = *text.given
	}
	if u.Address != nil {
		bad := func(line string) bool { return line == "" || !fault.IsLine(line, maxAddressLine) }
		if len(u.Address) > maxAddressLines || slices.ContainsFunc(u.Address, bad) {
			return Profile{}, fault.Invalidf("address", "an address has at most %d lines of at most %d printable characters", maxAddressLines, maxAddressLine)
		}
		after.Address = u.Address
	}
	if u.Country != nil {
		if !country.MatchString(*u.Country) {
			return Profile{}, fault.Invalidf("country", "a country is two capital letters, as in ISO 3166-1")
		}
		after.Country = *u.Country
	}
	if u.Email != nil {
		if *u.Email != "" {
			if err := roster.CheckEmail("email", *u.Email); err != nil {
				return Profile{}, err
			}
		}
		after.Email = *u.Email
	}
	return after, nil
}

// UpdateProfile changes who an organization is on statements that are drawn from
// then on. Needs billing:write. INVALID for texts that no profile can have,
// CONFLICT for another version than expected, FORBIDDEN for another country: taxes
// depend on it, so the platform changes it.
func (s *Service) UpdateProfile(ctx context.Context, u ProfileUpdate) (*Profile, error) {
	org, err := s.records.Check(ctx, access.BillingWrite, u.Organization)
	if err != nil {
		return nil, err
	}
	_, platformErr := s.records.CheckPlatform(ctx, access.PlatformWrite)
	var after Profile
	_, err = s.db.Write(ctx, database.Entry{Action: "updateBillingProfile", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		query := tx.BillingProfile.Query().Where(billingprofile.OrganizationID(org.ID))
		query.Modify(tx.Lock)
		row, err := query.Only(ctx)
		if err != nil && !ent.IsNotFound(err) {
			return fmt.Errorf("lock billing profile: %w", err)
		}
		before := profileOf(row)
		if err := database.CheckVersion(before.Version, u.ExpectedVersion); err != nil {
			return err
		}
		if after, err = u.apply(before); err != nil {
			return err
		}
		if before.Country != "" && after.Country != before.Country && platformErr != nil {
			return fault.New(fault.Forbidden, "taxes depend on the country: ask the platform to change it")
		}
		after.Version = before.Version + 1
		return storeProfile(ctx, tx, org.ID, row, after)
	})
	if err != nil {
		return nil, err
	}
	return &after, nil
}

// profileOf returns a stored profile, that of an organization that has written none
// for nil.
func profileOf(row *ent.BillingProfile) Profile {
	if row == nil {
		return Profile{Address: []string{}}
	}
	return Profile{Company: row.Company, Address: row.Address, Country: row.Country, VATID: row.VatID, Email: row.Email, Version: row.Version}
}

func storeProfile(ctx context.Context, tx *database.Tx, organization uuid.UUID, before *ent.BillingProfile, p Profile) error {
	change := database.Change{Kind: typeid.BillingProfile, Organization: organization}
	var after *ent.BillingProfile
	var err error
	if before == nil {
		after, err = tx.BillingProfile.Create().SetID(tx.NewID()).SetOrganizationID(organization).
			SetCompany(p.Company).SetAddress(p.Address).SetCountry(p.Country).SetVatID(p.VATID).SetEmail(p.Email).
			SetVersion(p.Version).SetCreatedAt(tx.Now()).Save(ctx)
	} else {
		change.Before = before
		after, err = before.Update().
			SetCompany(p.Company).SetAddress(p.Address).SetCountry(p.Country).SetVatID(p.VATID).SetEmail(p.Email).
			SetVersion(p.Version).Save(ctx)
	}
	if err != nil {
		return fmt.Errorf("store billing profile: %w", err)
	}
	change.ID, change.After = after.ID, after
	tx.Record(change)
	return nil
}

// Profile returns who an organization is on statements, nil for viewers without
// billing:read there.
func (s *Service) Profile(ctx context.Context, siblings *batch.Siblings, organization uuid.UUID) (*Profile, error) {
	return batch.Load(ctx, siblings, "billing profile", organization, func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*Profile, error) {
		held, err := s.records.OrganizationsWith(ctx, access.BillingRead, ids)
		if err != nil {
			return nil, err
		}
		found, err := s.profiles(ctx, held)
		if err != nil {
			return nil, err
		}
		profiles := make(map[uuid.UUID]*Profile, len(ids))
		for _, id := range ids {
			profiles[id] = nil
		}
		for _, id := range held {
			p := found[id]
			profiles[id] = &p
		}
		return profiles, nil
	})
}

// profiles returns the profiles of organizations, whoever asks.
func (s *Service) profiles(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]Profile, error) {
	rows, err := s.db.Client().BillingProfile.Query().Where(billingprofile.OrganizationIDIn(ids...)).All(asSystem(ctx))
	if err != nil {
		return nil, fmt.Errorf("load billing profiles: %w", err)
	}
	found := make(map[uuid.UUID]Profile, len(ids))
	for _, id := range ids {
		found[id] = profileOf(nil)
	}
	for _, row := range rows {
		found[row.OrganizationID] = profileOf(row)
	}
	return found, nil
}
