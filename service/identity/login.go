package identity

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/identityprovider"
	"github.com/headwater-platform/headwater/ent/signinflow"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/idp"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

const (
	// flowLifetime is how long somebody may take at the provider.
	flowLifetime = 10 * time.Minute
	// codeLifetime is how long a client may take for its session.
	codeLifetime = time.Minute
)

// refused is the one answer to whatever is wrong with a sign-in. Why is for the
// log.
func refused(because error) error {
	return &fault.Error{Code: fault.Unauthenticated, Message: "the sign-in was not successful", Err: because}
}

// Departure is where a browser goes to sign in, and what it keeps to show that it
// is the same when it comes back.
type Departure struct {
	URL    string
	Cookie Cookie
}

// Cookie is a cookie for the callback.
type Cookie struct {
	Name  string
	Value string
	Life  time.Duration
}

// CookieName returns the name of the cookie of a sign-in. Each has its own, so
// that two can be under way in one browser.
func CookieName(state string) string { return "headwater_signin_" + hashOf("cookie " + state)[:16] }

// Depart begins a sign-in through a provider that is in use and whose
// organization allows it. returnTo is where the browser is to end, a place of
// the platform. linking is empty, or what BeginLink put into its URL.
func (s *Service) Depart(ctx context.Context, provider, returnTo, linking string) (*Departure, error) {
	ctx = asPlatform(ctx)
	id, err := typeid.Parse(provider)
	if err != nil || id.Kind != typeid.IdentityProvider {
		return nil, refused(errors.New("the address names no provider"))
	}
	row, _, err := s.usableProvider(ctx, s.db.Client(), s.records, id.UUID)
	if err != nil {
		return nil, err
	}
	place, err := s.placeOf(returnTo)
	if err != nil {
		return nil, refused(err)
	}
	attempt, cookie, err := s.newAttempt()
	if err != nil {
		return nil, err
	}
	client, err := s.clientOf(row)
	if err != nil {
		return nil, err
	}
	to, err := s.Directory.AuthorizeURL(ctx, client, attempt)
	if err != nil {
		return nil, refused(err)
	}
	if err := s.storeFlow(ctx, row, attempt, cookie, place, linking); err != nil {
		return nil, err
	}
	return &Departure{URL: to, Cookie: Cookie{Name: CookieName(attempt.State), Value: cookie, Life: flowLifetime}}, nil
}

// usableProvider returns a provider through which people can sign in now.
func (s *Service) usableProvider(ctx context.Context, client *ent.Client, store *records.Store, id uuid.UUID) (*ent.IdentityProvider, records.Organization, error) {
	row, err := client.IdentityProvider.Query().Where(identityprovider.ID(id)).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, records.Organization{}, refused(fmt.Errorf("there is no provider %s", id))
	}
	if err != nil {
		return nil, records.Organization{}, fmt.Errorf("get identity provider: %w", err)
	}
	org, err := store.Organization(ctx, row.OrganizationID)
	if err != nil {
		return nil, records.Organization{}, err
	}
	demands, err := store.Demands(ctx, map[uuid.UUID]records.Organization{org.ID: org})
	if err != nil {
		return nil, records.Organization{}, err
	}
	if !row.Enabled || !demands[org.ID].OIDC || org.Status == orgtree.Deleted {
		return nil, records.Organization{}, refused(fmt.Errorf("provider %s is not in use", id))
	}
	return row, org, nil
}

// newAttempt returns what a sign-in and a browser are recognized by.
func (s *Service) newAttempt() (idp.Attempt, string, error) {
	var texts [4]string
	for i := range texts {
		var err error
		if texts[i], err = s.secret(); err != nil {
			return idp.Attempt{}, "", err
		}
	}
	return idp.Attempt{State: texts[0], Nonce: texts[1], Verifier: texts[2]}, texts[3], nil
}

// clientOf returns the platform as a provider knows it.
func (s *Service) clientOf(row *ent.IdentityProvider) (idp.Client, error) {
	client := idp.Client{
		Issuer: row.Issuer, ID: row.ClientID, Scopes: row.Scopes, RedirectURL: s.Address + callbackPath, Claims: []string{"email"},
	}
	if row.GroupClaim != "" {
		client.Claims = append(client.Claims, row.GroupClaim)
	}
	if row.ClientSecret == "" {
		return client, nil
	}
	secret, err := s.Keys.Open(row.ClientSecret, binding(row.ID))
	if err != nil {
		return idp.Client{}, fmt.Errorf("open the client secret of %s: %w", row.ID, err)
	}
	client.Secret = secret
	return client, nil
}

// maxReturnTo is how long the place to return to may be, in bytes.
const maxReturnTo = 1500

// placeOf returns the place of the platform that a browser is to return to: a
// path, or a URL of the platform itself. Everything else is refused, so that
// nobody is led elsewhere by a link to here.
func (s *Service) placeOf(returnTo string) (string, error) {
	if returnTo == "" {
		return "/", nil
	}
	if rest, ok := strings.CutPrefix(returnTo, s.Address); ok {
		if returnTo = rest; rest == "" {
			returnTo = "/"
		}
	}
	u, err := url.Parse(returnTo)
	isBad := func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f }
	if err != nil || len(returnTo) > maxReturnTo || u.IsAbs() || u.Host != "" || u.User != nil ||
		!strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") || strings.HasPrefix(returnTo, "//") || strings.ContainsFunc(returnTo, isBad) {
		return "", errors.New("the place to return to is not of the platform")
	}
	return returnTo, nil
}

// stateHash is what of the state of a flow is stored: it takes the browser's
// cookie to know it.
func stateHash(state, cookie string) string { return hashOf("state " + state + " " + cookie) }

// storeFlow stores a sign-in that departs, or lets a link that was begun depart.
func (s *Service) storeFlow(ctx context.Context, provider *ent.IdentityProvider, a idp.Attempt, cookie, place, linking string) error {
	_, err := s.db.Write(ctx, database.Entry{Action: "beginSignIn"}, func(ctx context.Context, tx *database.Tx) error {
		if linking != "" {
			return departToLink(ctx, tx, provider, a, cookie, linking)
		}
		err := tx.SignInFlow.Create().
			SetID(tx.NewID()).SetProviderID(provider.ID).SetOrganizationID(provider.OrganizationID).
			SetStateHash(stateHash(a.State, cookie)).SetNonce(a.Nonce).SetVerifier(a.Verifier).SetReturnTo(place).
			SetExpiresAt(tx.Now().Add(flowLifetime)).SetCreatedAt(tx.Now()).
			Exec(ctx)
		if err != nil {
			return fmt.Errorf("begin sign-in: %w", err)
		}
		return nil
	})
	return err
}

// Arrival is what a browser brings back from a provider.
type Arrival struct {
	State string
	Code  string
	// Error is what the provider says went wrong, Issuer how it names itself.
	Error  string
	Issuer string
	// Cookie is the value of the cookie of the sign-in, or "".
	Cookie string
}

// Arrive ends a sign-in: it finds out whom the provider vouches for and whether
// they may come in, and returns where the browser goes, with a code that a client
// takes the session with. UNAUTHENTICATED, in the same words, for whatever is
// wrong.
func (s *Service) Arrive(ctx context.Context, a Arrival) (string, error) {
	ctx = asPlatform(ctx)
	flow, err := s.takeFlow(ctx, a)
	if err != nil {
		return "", err
	}
	if a.Error != "" || a.Code == "" {
		return "", refused(fmt.Errorf("the provider says %.100q", a.Error))
	}
	row, _, err := s.usableProvider(ctx, s.db.Client(), s.records, flow.ProviderID)
	if err != nil {
		return "", err
	}
	client, err := s.clientOf(row)
	if err != nil {
		return "", err
	}
	attempt := idp.Attempt{State: a.State, Nonce: flow.Nonce, Verifier: flow.Verifier}
	who, err := s.Directory.Exchange(ctx, client, attempt, a.Code, a.Issuer)
	if err != nil {
		return "", refused(err)
	}
	code, err := s.welcome(ctx, flow, who)
	if err != nil {
		return "", err
	}
	return s.Address + withCode(flow.ReturnTo, code), nil
}

// takeFlow returns a sign-in that is under way in this browser. It is taken once:
// whatever becomes of it, the same answer of the provider is worth nothing again.
func (s *Service) takeFlow(ctx context.Context, a Arrival) (*ent.SignInFlow, error) {
	if a.State == "" || a.Cookie == "" {
		return nil, refused(errors.New("the browser is not the one that departed"))
	}
	var flow *ent.SignInFlow
	_, err := s.db.Write(ctx, database.Entry{Action: "continueSignIn"}, func(ctx context.Context, tx *database.Tx) error {
		query := tx.SignInFlow.Query().Where(signinflow.StateHash(stateHash(a.State, a.Cookie)))
		query.Modify(tx.Lock)
		row, err := query.Only(ctx)
		if ent.IsNotFound(err) {
			return refused(errors.New("no sign-in has this state in this browser"))
		}
		if err != nil {
			return fmt.Errorf("find sign-in: %w", err)
		}
		if row.Verifier == "" || !tx.Now().Before(row.ExpiresAt) {
			return refused(errors.New("the sign-in was continued before, or took too long"))
		}
		flow = row
		if err := row.Update().SetNonce("").SetVerifier("").Exec(ctx); err != nil {
			return fmt.Errorf("continue sign-in: %w", err)
		}
		return nil
	})
	return flow, err
}

// welcome finds out whether somebody may come in, and returns the code that they
// do it with.
func (s *Service) welcome(ctx context.Context, flow *ent.SignInFlow, who idp.Identity) (string, error) {
	code, err := s.secret()
	if err != nil {
		return "", err
	}
	if flow.Linking {
		if code, err = s.linkCode(flow, who, code); err != nil {
			return "", err
		}
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "signInThroughProvider", Organization: flow.OrganizationID}, func(ctx context.Context, tx *database.Tx) error {
		provider, org, err := s.usableProvider(ctx, tx.Client, s.records.In(tx), flow.ProviderID)
		if err != nil {
			return err
		}
		set := tx.SignInFlow.UpdateOneID(flow.ID).SetCodeHash(hashOf(code)).SetExpiresAt(tx.Now().Add(codeLifetime))
		if !flow.Linking {
			person, err := s.admit(ctx, tx, provider, org, who)
			if err != nil {
				return err
			}
			set.SetUserID(person).SetMfa(provider.VouchesForMfa)
		}
		if err := set.Exec(ctx); err != nil {
			return fmt.Errorf("end sign-in: %w", err)
		}
		return nil
	})
	if err != nil {
		// Why somebody cannot come in, such as a quota, is not told to strangers.
		return "", unlessInternal(err, refused(err))
	}
	return code, nil
}

// withCode adds the code to a place of the platform.
func withCode(place, code string) string {
	u, err := url.Parse(place)
	if err != nil {
		return "/"
	}
	query := u.Query()
	query.Set("code", code)
	u.RawQuery = query.Encode()
	return u.String()
}

// invalidCode is the one answer to whatever is wrong with a code.
func invalidCode() error {
	return fault.New(fault.Unauthenticated, "the code is not valid or has expired")
}

// ExchangeCode returns the session of somebody who signed in through a provider,
// for the code that their browser brought back. It is bound to the provider's
// organization. A code is good once and for a minute: UNAUTHENTICATED else, and
// for those who may not come in any more.
func (s *Service) ExchangeCode(ctx context.Context, code string) (*Session, error) {
	var in SignedIn
	// Nobody is signed in: the platform takes the code.
	_, err := s.db.Write(asPlatform(ctx), database.Entry{Action: "exchangeSignInCode"}, func(ctx context.Context, tx *database.Tx) error {
		flow, err := takeCode(ctx, tx, code, false)
		if err != nil {
			return err
		}
		in = SignedIn{User: *flow.UserID, Provider: flow.ProviderID, Organization: flow.OrganizationID, MFA: flow.Mfa}
		if _, _, err := s.usableProvider(ctx, tx.Client, s.records.In(tx), in.Provider); err != nil {
			return unlessInternal(err, invalidCode())
		}
		_, _, err = usablePerson(ctx, tx, in.Organization, in.User)
		return unlessInternal(err, invalidCode())
	})
	if err != nil {
		return nil, err
	}
	return s.Open(ctx, in)
}

// unlessInternal returns what is told in place of a fault, and a failure of the
// platform as it is.
func unlessInternal(err, told error) error {
	if err == nil || fault.CodeOf(err) == fault.Internal {
		return err
	}
	return told
}

// organizationOfCode returns the organization that a code is for.
func (s *Service) organizationOfCode(ctx context.Context, code string) (uuid.UUID, error) {
	row, err := s.db.Client().SignInFlow.Query().Where(signinflow.CodeHash(hashOf(code))).Only(ctx)
	if ent.IsNotFound(err) {
		return uuid.Nil, invalidCode()
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("find code: %w", err)
	}
	return row.OrganizationID, nil
}

// takeCode returns the sign-in, or the link, whose code this is, and ends it.
func takeCode(ctx context.Context, tx *database.Tx, code string, linking bool) (*ent.SignInFlow, error) {
	ctx = asPlatform(ctx)
	query := tx.SignInFlow.Query().Where(signinflow.CodeHash(hashOf(code)), signinflow.Linking(linking))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, invalidCode()
	}
	if err != nil {
		return nil, fmt.Errorf("find code: %w", err)
	}
	if row.UserID == nil || !tx.Now().Before(row.ExpiresAt) {
		return nil, invalidCode()
	}
	if err := tx.SignInFlow.DeleteOne(row).Exec(ctx); err != nil {
		return nil, fmt.Errorf("take code: %w", err)
	}
	return row, nil
}

// deleteExpired deletes the sign-ins that were not finished in time.
func deleteExpired(ctx context.Context, tx *database.Tx) error {
	if _, err := tx.SignInFlow.Delete().Where(signinflow.ExpiresAtLTE(tx.Now())).Exec(ctx); err != nil {
		return fmt.Errorf("delete expired sign-ins: %w", err)
	}
	return nil
}
