package identity

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/application"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/predicate"
	"github.com/headwater-platform/headwater/ent/trustedissuer"
	"github.com/headwater-platform/headwater/ent/trustedsubject"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// What may be trusted.
const (
	maxIssuers       = 100
	maxAudience      = 500
	maxIssuerSubject = 500
	maxSubjects      = 1000
)

// NewIssuer is what createTrustedIssuer is asked for.
type NewIssuer struct {
	Organization uuid.UUID
	Name         string
	Issuer       string
	Audience     string
	// JWKSURL is where its keys are; they are discovered if it is empty.
	JWKSURL string
	Enabled bool
}

// CreateIssuer makes an organization trust an issuer, once its keys can be read.
// Nobody is let in by it before a subject is added. Needs identity:write. INVALID
// for an issuer whose keys cannot be read; CONFLICT for one that is trusted with
// the same audience, whoever trusts it, and for a name that is taken.
func (s *Service) CreateIssuer(ctx context.Context, n NewIssuer) (*Issuer, error) {
	org, err := s.records.Check(ctx, access.IdentityWrite, n.Organization)
	if err != nil {
		return nil, err
	}
	if err := access.CheckOwnHands(access.ViewerFrom(ctx)); err != nil {
		return nil, err
	}
	if err := s.checkNewIssuer(ctx, n); err != nil {
		return nil, err
	}
	var row *ent.TrustedIssuer
	_, err = s.db.Write(ctx, database.Entry{Action: "createTrustedIssuer", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		had, err := tx.TrustedIssuer.Query().Where(trustedissuer.OrganizationID(org.ID)).Count(ctx)
		if err != nil {
			return fmt.Errorf("count trusted issuers: %w", err)
		}
		if had >= maxIssuers {
			return fault.New(fault.LimitExceeded, "an organization trusts at most %d issuers", maxIssuers)
		}
		row, err = tx.TrustedIssuer.Create().
			SetID(tx.NewID()).SetOrganizationID(org.ID).SetName(n.Name).SetIssuer(n.Issuer).SetAudience(n.Audience).
			SetJwksURL(n.JWKSURL).SetEnabled(n.Enabled).SetCreatedAt(tx.Now()).
			Save(ctx)
		if err != nil {
			return fmt.Errorf("create trusted issuer: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.TrustedIssuer, ID: row.ID, Organization: org.ID, After: row})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wrapIssuers([]*ent.TrustedIssuer{row})[0], nil
}

func (s *Service) checkNewIssuer(ctx context.Context, n NewIssuer) error {
	for _, err := range []error{
		checkLength("name", n.Name, 1, maxName),
		checkText("audience", n.Audience, maxAudience),
		s.checkIssuer(n.Issuer),
	} {
		if err != nil {
			return err
		}
	}
	field := "issuer"
	if n.JWKSURL != "" {
		field = "jwksUrl"
		if err := s.Directory.CheckURL(n.JWKSURL); err != nil {
			return fault.Invalidf(field, "%s", err)
		}
	}
	if err := s.Directory.DiscoverKeys(ctx, n.Issuer, n.JWKSURL); err != nil {
		return &fault.Error{Code: fault.Invalid, Field: field, Message: "no keys can be read there", Err: err}
	}
	return nil
}

// checkText returns INVALID unless a text has 1 to so many bytes and no line
// breaks.
func checkText(field, text string, most int) error {
	if text == "" || len(text) > most || !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }) {
		return fault.Invalidf(field, "this has 1 to %d bytes and no line breaks", most)
	}
	return nil
}

// IssuerUpdate is what updateTrustedIssuer is asked for; nil leaves a field as it
// is.
type IssuerUpdate struct {
	ID              uuid.UUID
	Name            *string
	Enabled         *bool
	ExpectedVersion *int
}

// UpdateIssuer renames a trusted issuer, or puts it into or out of use. Needs
// identity:write, and to put it into use the right to grant what all of its
// subjects were given. Where its keys come from stays what it is: whoever mapped
// a subject relied on it.
func (s *Service) UpdateIssuer(ctx context.Context, u IssuerUpdate) (*Issuer, error) {
	org, err := s.issuerToChange(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	if u.Name != nil {
		if err := checkLength("name", *u.Name, 1, maxName); err != nil {
			return nil, err
		}
	}
	var after *ent.TrustedIssuer
	_, err = s.db.Write(ctx, database.Entry{Action: "updateTrustedIssuer", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockIssuer(ctx, tx, u.ID)
		if err != nil {
			return err
		}
		if err := database.CheckVersion(row.Version, u.ExpectedVersion); err != nil {
			return err
		}
		if !row.Enabled && or(u.Enabled, false) {
			if err := s.checkSubjects(ctx, tx, org, row); err != nil {
				return err
			}
		}
		after, err = row.Update().
			SetName(or(u.Name, row.Name)).SetEnabled(or(u.Enabled, row.Enabled)).SetVersion(row.Version + 1).
			Save(ctx)
		if err != nil {
			return fmt.Errorf("update trusted issuer: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.TrustedIssuer, ID: row.ID, Organization: org.ID, Before: row, After: after})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wrapIssuers([]*ent.TrustedIssuer{after})[0], nil
}

// issuerToChange returns the organization of an issuer that the viewer may change
// by their own hands, in the state in which it is.
func (s *Service) issuerToChange(ctx context.Context, id uuid.UUID) (records.Organization, error) {
	_, org, err := s.findIssuer(ctx, id)
	if err != nil {
		return org, err
	}
	return org, checkChange(access.ViewerFrom(ctx), org)
}

func lockIssuer(ctx context.Context, tx *database.Tx, id uuid.UUID) (*ent.TrustedIssuer, error) {
	query := tx.TrustedIssuer.Query().Where(trustedissuer.ID(id))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("trusted issuer")
	}
	if err != nil {
		return nil, fmt.Errorf("lock trusted issuer: %w", err)
	}
	return row, nil
}

// checkSubjects returns nil if the viewer may hand out what the subjects of an
// issuer were given.
func (s *Service) checkSubjects(ctx context.Context, tx *database.Tx, org records.Organization, row *ent.TrustedIssuer) error {
	subjects, err := withPrincipal(tx.TrustedSubject.Query().Where(trustedsubject.IssuerID(row.ID))).All(ctx)
	if err != nil {
		return fmt.Errorf("load trusted subjects: %w", err)
	}
	for _, subject := range subjects {
		if subject.ApplicationID != nil {
			err = checkApplication(ctx, tx, org, *subject.ApplicationID, "updateTrustedIssuer")
		} else {
			err = s.checkMember(ctx, tx, org, membership.ID(*subject.MembershipID))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// DeleteIssuer ends the trust in an issuer and forgets its subjects. Needs
// identity:write.
func (s *Service) DeleteIssuer(ctx context.Context, id uuid.UUID) error {
	org, err := s.issuerToChange(ctx, id)
	if err != nil {
		return err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "deleteTrustedIssuer", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockIssuer(ctx, tx, id)
		if err != nil {
			return err
		}
		subjects, err := tx.TrustedSubject.Query().Where(trustedsubject.IssuerID(id)).All(ctx)
		if err != nil {
			return fmt.Errorf("load trusted subjects: %w", err)
		}
		for _, subject := range subjects {
			tx.Record(database.Change{Kind: typeid.TrustedSubject, ID: subject.ID, Organization: org.ID, Before: subject})
		}
		if _, err := tx.TrustedSubject.Delete().Where(trustedsubject.IssuerID(id)).Exec(ctx); err != nil {
			return fmt.Errorf("delete trusted subjects: %w", err)
		}
		if err := tx.TrustedIssuer.DeleteOne(row).Exec(ctx); err != nil {
			return fmt.Errorf("delete trusted issuer: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.TrustedIssuer, ID: id, Organization: org.ID, Before: row})
		return nil
	})
	return err
}

// NewSubject is what addTrustedSubject is asked for: a person or an application.
type NewSubject struct {
	Issuer      uuid.UUID
	Subject     string
	Application *uuid.UUID
	User        *uuid.UUID
}

// AddSubject lets the tokens of an issuer with a subject stand for an application
// or a member of the organization, which puts all that they were given into the
// hands of whoever controls the issuer. Needs identity:write and all of these
// rights; another person than the viewer has to have their home in the
// organization and must not be its owner. CONFLICT for a subject that stands for
// somebody already.
func (s *Service) AddSubject(ctx context.Context, n NewSubject) (*Subject, error) {
	org, err := s.issuerToChange(ctx, n.Issuer)
	if err != nil {
		return nil, err
	}
	if err := checkText("subject", n.Subject, maxIssuerSubject); err != nil {
		return nil, err
	}
	if (n.Application == nil) == (n.User == nil) {
		return nil, fault.Invalidf("applicationId", "a subject stands for an application or for a user")
	}
	var made uuid.UUID
	_, err = s.db.Write(ctx, database.Entry{Action: "addTrustedSubject", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		if _, err := lockIssuer(ctx, tx, n.Issuer); err != nil {
			return err
		}
		if err := checkSubjectRoom(ctx, tx, n.Issuer); err != nil {
			return err
		}
		create := tx.TrustedSubject.Create().
			SetID(tx.NewID()).SetOrganizationID(org.ID).SetIssuerID(n.Issuer).SetSubject(n.Subject).SetCreatedAt(tx.Now())
		if err := s.setPrincipal(ctx, tx, create, org, n); err != nil {
			return err
		}
		row, err := create.Save(ctx)
		if err != nil {
			return fmt.Errorf("create trusted subject: %w", err)
		}
		made = row.ID
		tx.Record(database.Change{Kind: typeid.TrustedSubject, ID: row.ID, Organization: org.ID, After: row})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.Subject(ctx, made)
}

func checkSubjectRoom(ctx context.Context, tx *database.Tx, issuer uuid.UUID) error {
	had, err := tx.TrustedSubject.Query().Where(trustedsubject.IssuerID(issuer)).Count(ctx)
	if err != nil {
		return fmt.Errorf("count trusted subjects: %w", err)
	}
	if had >= maxSubjects {
		return fault.New(fault.LimitExceeded, "an issuer has at most %d subjects", maxSubjects)
	}
	return nil
}

// setPrincipal says whom a new subject stands for, if the viewer may decide that.
func (s *Service) setPrincipal(ctx context.Context, tx *database.Tx, create *ent.TrustedSubjectCreate, org records.Organization, n NewSubject) error {
	if n.Application != nil {
		create.SetApplicationID(*n.Application)
		return checkApplication(ctx, tx, org, *n.Application, "addTrustedSubject")
	}
	which := membership.UserID(*n.User)
	id, err := tx.Membership.Query().Where(which, membership.OrganizationID(org.ID)).OnlyID(ctx)
	if ent.IsNotFound(err) {
		return fault.Missing("user")
	}
	if err != nil {
		return fmt.Errorf("find member: %w", err)
	}
	create.SetMembershipID(id)
	return s.checkMember(ctx, tx, org, membership.ID(id))
}

// checkApplication returns nil if the viewer may hold all that an application of
// the organization was given.
func checkApplication(ctx context.Context, tx *database.Tx, org records.Organization, id uuid.UUID, action string) error {
	if access.Check(access.ViewerFrom(ctx), access.ApplicationsRead, org.Target()) != nil {
		return fault.Missing("application")
	}
	query := tx.Application.Query().Where(application.ID(id), application.OrganizationID(org.ID))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return fault.Missing("application")
	}
	if err != nil {
		return fmt.Errorf("lock application: %w", err)
	}
	if row.Managed {
		return fault.New(fault.Conflict, "the platform made this application for the keys of a project").Because(fault.ManagedReadonly)
	}
	grants, err := records.GrantsOf(ctx, row)
	if err != nil {
		return err
	}
	return records.CheckGranting(ctx, tx, org, records.Granting{
		Grants: grants, To: records.Recipients{Applications: []uuid.UUID{row.ID}, OwnHands: true}, Action: action, Subject: row.Name,
	})
}

// checkMember returns nil if the viewer may let others act as a member of the
// organization: as themself, or as somebody whose home it is and who holds
// nothing that the viewer does not hold.
func (s *Service) checkMember(ctx context.Context, tx *database.Tx, org records.Organization, which predicate.Membership) error {
	row, err := records.WithPlace(tx.Membership.Query().Where(which, membership.OrganizationID(org.ID))).WithUser().Only(ctx)
	if ent.IsNotFound(err) {
		return fault.Missing("user")
	}
	if err != nil {
		return fmt.Errorf("load member: %w", err)
	}
	viewer := access.ViewerFrom(ctx)
	if viewer.Kind == access.User && viewer.ID == orgtree.ID(row.UserID) {
		return nil
	}
	if access.Check(viewer, access.UsersRead, org.Target()) != nil {
		return fault.Missing("user")
	}
	if home := row.Edges.User.HomeOrganizationID; home == nil || *home != org.ID {
		return fault.New(fault.Forbidden, "the home of this person is elsewhere")
	}
	standings, err := s.records.In(tx).Standings(ctx, []*ent.Membership{row})
	if err != nil {
		return err
	}
	return access.CheckTakeover(viewer, standings[row.ID], org.Target())
}

// RemoveSubject makes tokens with a subject worthless. Needs identity:write.
func (s *Service) RemoveSubject(ctx context.Context, id uuid.UUID) error {
	found, org, err := s.findSubject(ctx, id)
	if err != nil {
		return err
	}
	if _, err := s.issuerToChange(ctx, found.IssuerID); err != nil {
		return err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "removeTrustedSubject", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		query := tx.TrustedSubject.Query().Where(trustedsubject.ID(id))
		query.Modify(tx.Lock)
		row, err := query.Only(ctx)
		if ent.IsNotFound(err) {
			return fault.Missing("trusted subject")
		}
		if err != nil {
			return fmt.Errorf("lock trusted subject: %w", err)
		}
		if err := tx.TrustedSubject.DeleteOne(row).Exec(ctx); err != nil {
			return fmt.Errorf("delete trusted subject: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.TrustedSubject, ID: id, Organization: org.ID, Before: row})
		return nil
	})
	return err
}
