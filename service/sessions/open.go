package sessions

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/session"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/token"
	"github.com/headwater-platform/headwater/typeid"
)

// maxSessions is how many sessions of a person have not ended at a time.
const maxSessions = 50

// Opening says how a person signed in.
type Opening struct {
	User   uuid.UUID
	Method access.SignInMethod
	// SecondFactor says that one was shown, or that the provider vouches for one.
	SecondFactor bool
	// Organization is the one that the session is bound to, and Provider the
	// provider of OIDC; both may be nil.
	Organization uuid.UUID
	Provider     uuid.UUID
	// Action is what the journal calls it, such as "login".
	Action string
}

// Open signs in a person who has proved who they are, and makes them the viewer
// of the rest of the request. UNAUTHENTICATED if the account is locked or gone.
func (s *Service) Open(ctx context.Context, o Opening) (*Tokens, error) {
	a, err := s.withID(ctx, o.User)
	if err != nil {
		return nil, err
	}
	if !a.isOpen() {
		return nil, refused()
	}
	return s.open(ctx, a, o, func(context.Context, *database.Tx, *ent.User, *ent.UserUpdateOne) error { return nil })
}

// open signs in a person. Before anything is written, check looks at the locked
// account and may add to its update.
func (s *Service) open(ctx context.Context, a account, o Opening, check edit) (*Tokens, error) {
	var b begun
	_, err := s.db.Write(asPerson(ctx, a.id(), a.row.Username), database.Entry{Action: o.Action}, func(ctx context.Context, tx *database.Tx) error {
		tx.About(a.home())
		row, err := lockUser(ctx, tx, a.id())
		if err != nil {
			return err
		}
		set := row.Update().SetLastLoginAt(tx.Now())
		if row.Status == user.StatusINVITED {
			set.SetStatus(user.StatusACTIVE).SetVersion(row.Version + 1)
		}
		if err := check(ctx, tx, row, set); err != nil {
			return err
		}
		after, err := saveUser(ctx, tx, row, set)
		if err != nil {
			return err
		}
		if b, err = s.begin(ctx, tx, a, o); err != nil {
			return err
		}
		if err := noteActivity(ctx, tx, a, o.Organization); err != nil {
			return err
		}
		return settleGrace(ctx, tx, a, after, vouched(o.Organization, o.SecondFactor))
	})
	if err != nil {
		return nil, err
	}
	tokens, err := s.sign(b)
	if err != nil {
		return nil, err
	}
	viewer, err := s.viewerOf(ctx, b)
	if err != nil {
		return nil, err
	}
	access.Renew(ctx, viewer)
	return tokens, nil
}

// lockUser returns an account that stays as it is until the transaction ends, or
// UNAUTHENTICATED if nobody may sign in to it.
func lockUser(ctx context.Context, tx *database.Tx, id uuid.UUID) (*ent.User, error) {
	query := tx.User.Query().Where(user.ID(id), user.StatusNotIn(user.StatusDELETED, user.StatusLOCKED))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, refused()
	}
	if err != nil {
		return nil, fmt.Errorf("lock account: %w", err)
	}
	return row, nil
}

// saveUser changes an account. The journal keeps it with the organization that
// administers it.
func saveUser(ctx context.Context, tx *database.Tx, before *ent.User, set *ent.UserUpdateOne) (*ent.User, error) {
	after, err := set.Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("update account: %w", err)
	}
	change := database.Change{Kind: typeid.User, ID: before.ID, Before: before, After: after}
	if before.HomeOrganizationID != nil {
		change.Organization = *before.HomeOrganizationID
	}
	tx.Record(change)
	return after, nil
}

// begin writes a new session, for which the oldest one makes room if need be.
func (s *Service) begin(ctx context.Context, tx *database.Tx, a account, o Opening) (begun, error) {
	if err := makeRoom(ctx, tx, a); err != nil {
		return begun{}, err
	}
	now, id := tx.Now(), tx.NewID()
	refresh, err := token.NewRefresh(id, s.random)
	if err != nil {
		return begun{}, err
	}
	at := access.CircumstancesFrom(ctx)
	create := tx.Session.Create().
		SetID(id).SetUserID(a.id()).SetMethod(session.Method(o.Method)).SetMfa(o.SecondFactor).SetReason("").
		SetAddress(addressOf(at)).SetUserAgent(at.Agent).
		SetFamilyHash(refresh.FamilyHash()).SetRefreshHash(refresh.Hash()).
		SetLastSeenAt(now).SetExpiresAt(now.Add(a.sessionDuration(o.Organization))).SetCreatedAt(now)
	if o.Organization != uuid.Nil {
		create.SetOrganizationID(o.Organization)
	}
	if o.Provider != uuid.Nil {
		create.SetProviderID(o.Provider)
	}
	row, err := create.Save(ctx)
	if err != nil {
		return begun{}, fmt.Errorf("create session: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Session, ID: id, Organization: a.home(), After: row})
	return begun{id: id, person: a.id(), organization: o.Organization, expiresAt: row.ExpiresAt.UTC(), refresh: refresh}, nil
}

// addressOf returns where a request comes from as text, "" if that is not known.
func addressOf(at access.Circumstances) string {
	if !at.Address.IsValid() {
		return ""
	}
	return at.Address.WithZone("").String()
}

// makeRoom ends what is too much for one more session: those that have expired
// first, then the oldest.
func makeRoom(ctx context.Context, tx *database.Tx, a account) error {
	rows, err := tx.Session.Query().Where(session.UserID(a.id()), session.EndedAtIsNil()).All(ctx)
	if err != nil {
		return fmt.Errorf("load sessions: %w", err)
	}
	now := tx.Now()
	slices.SortFunc(rows, func(x, y *ent.Session) int {
		if xs, ys := stateAt(x, now), stateAt(y, now); xs != ys {
			return strings.Compare(string(xs), string(ys)) // EXPIRED comes before LIVE.
		}
		return x.CreatedAt.Compare(y.CreatedAt)
	})
	for _, row := range rows[:max(0, len(rows)-maxSessions+1)] {
		if err := end(ctx, tx, row, replacing, a.home()); err != nil {
			return err
		}
	}
	return nil
}

// end ends a session by a step, if the step ends it. home is the organization
// that administers the account.
func end(ctx context.Context, tx *database.Tx, row *ent.Session, s step, home uuid.UUID) error {
	reason, ok := endOf(stateAt(row, tx.Now()), s)
	if !ok {
		return nil
	}
	after, err := row.Update().SetEndedAt(tx.Now()).SetEndReason(reason).SetVersion(row.Version + 1).Save(ctx)
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Session, ID: row.ID, Organization: home, Before: row, After: after})
	return nil
}

// noteActivity writes down in which organizations a person was active this
// month. It is no change that anybody made, so the journal does not have it.
func noteActivity(ctx context.Context, tx *database.Tx, a account, bound uuid.UUID) error {
	places := a.places(bound)
	if len(places) == 0 {
		return nil
	}
	month := tx.Now().Format("2006-01")
	rows := make([]*ent.ActivityCreate, len(places))
	for i, id := range places {
		rows[i] = tx.Activity.Create().SetID(tx.NewID()).SetOrganizationID(id).SetUserID(a.id()).SetMonth(month)
	}
	if err := tx.Activity.CreateBulk(rows...).OnConflict().DoNothing().Exec(ctx); err != nil {
		return fmt.Errorf("note activity: %w", err)
	}
	return nil
}
