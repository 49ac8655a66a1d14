package identity

import (
	"context"
	"errors"
	"fmt"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/ent/trustedissuer"
	"github.com/headwater-platform/headwater/ent/trustedsubject"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/idp"
	"github.com/headwater-platform/headwater/records"
)

// Bearer returns the session of a token of a trusted issuer: that of the member or
// application that its subject stands for, bound to the issuer's organization.
// What they may do there is for records.Store.Viewer to say. It returns the same
// UNAUTHENTICATED error for whatever is wrong, and for issuers that nobody
// trusts.
func (s *Service) Bearer(ctx context.Context, raw string, at access.Circumstances) (records.Session, error) {
	session, err := s.bearer(asPlatform(ctx), raw)
	if err != nil {
		return records.Session{}, err
	}
	session.Circumstances = at
	return session, nil
}

func invalidToken(because error) error {
	return &fault.Error{Code: fault.Unauthenticated, Message: "the token is not valid or has expired", Err: because}
}

func (s *Service) bearer(ctx context.Context, raw string) (records.Session, error) {
	claimed, err := idp.Peek(raw)
	if err != nil {
		return records.Session{}, invalidToken(err)
	}
	if claimed.Issuer == "" || len(claimed.Audiences) == 0 || len(claimed.Audiences) > maxAudiences {
		return records.Session{}, invalidToken(errors.New("the token names no issuer, or for whom it is"))
	}
	issuers, err := s.db.Client().TrustedIssuer.Query().
		Where(trustedissuer.Issuer(claimed.Issuer), trustedissuer.AudienceIn(claimed.Audiences...), trustedissuer.Enabled(true)).
		Limit(2).All(ctx)
	if err != nil {
		return records.Session{}, fmt.Errorf("find trusted issuer: %w", err)
	}
	if len(issuers) != 1 {
		return records.Session{}, invalidToken(fmt.Errorf("%d trust the issuer with this audience", len(issuers)))
	}
	issuer := issuers[0]
	subject, err := s.Directory.Subject(ctx, idp.Issuer{Issuer: issuer.Issuer, Audience: issuer.Audience, JWKSURL: issuer.JwksURL}, raw)
	if err != nil {
		return records.Session{}, invalidToken(err)
	}
	rows, err := withPrincipal(s.db.Client().TrustedSubject.Query()).
		Where(trustedsubject.IssuerID(issuer.ID), trustedsubject.Subject(subject)).
		All(ctx)
	if err != nil {
		return records.Session{}, fmt.Errorf("find trusted subject: %w", err)
	}
	if len(rows) != 1 || principalOf(rows[0]).IsZero() {
		return records.Session{}, invalidToken(errors.New("the subject stands for nobody"))
	}
	return records.Session{Principal: principalOf(rows[0]), Organization: issuer.OrganizationID}, nil
}

// maxAudiences is how many audiences of a token are looked at.
const maxAudiences = 20
