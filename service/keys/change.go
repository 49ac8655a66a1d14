package keys

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/apikey"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/token"
	"github.com/headwater-platform/headwater/typeid"
)

// Update is what updateApiKey is asked for; nil leaves a field as it is.
type Update struct {
	ID              uuid.UUID
	Description     *string
	ExpiresAt       *time.Time
	DefaultProject  *uuid.UUID
	Disabled        *bool
	ExpectedVersion *int
}

// Update changes a key: one's own, an application's with apikeys:write, a
// project's with projectkeys:write in it. To enable the key of another it takes
// the right to grant what its bearer was given. CONFLICT for another end of a
// key that has one.
func (s *Service) Update(ctx context.Context, u Update) (*Key, error) {
	return s.change(ctx, "updateApiKey", u.ID, u.ExpectedVersion, func(ctx context.Context, tx *database.Tx, row *ent.APIKey, found sighted) (*ent.APIKeyUpdateOne, error) {
		set := row.Update()
		if u.Description != nil {
			if err := checkDescription(*u.Description); err != nil {
				return nil, err
			}
			set.SetDescription(*u.Description)
		}
		if u.ExpiresAt != nil {
			if err := s.checkNewEnd(row, *u.ExpiresAt); err != nil {
				return nil, err
			}
			set.SetExpiresAt(*u.ExpiresAt)
		}
		if u.DefaultProject != nil {
			if err := lockDefaultProject(ctx, tx, found.org, *u.DefaultProject); err != nil {
				return nil, err
			}
			set.SetDefaultProjectID(*u.DefaultProject)
		}
		if u.Disabled != nil {
			if row.Disabled && !*u.Disabled && !found.own {
				if err := checkEnabling(ctx, tx, row, found.org); err != nil {
					return nil, err
				}
			}
			set.SetDisabled(*u.Disabled)
		}
		return set, nil
	})
}

// checkNewEnd returns nil if a key may end then: it had no end before, or the
// same.
func (s *Service) checkNewEnd(row *ent.APIKey, end time.Time) error {
	if row.ExpiresAt == nil {
		return checkEnd(s.db.Now(), &end)
	}
	if row.ExpiresAt.Equal(end) {
		return nil
	}
	return &fault.Error{Code: fault.Conflict, Field: "expiresAt", Message: "the end of a key does not change once it is set"}
}

// checkEnabling returns nil if the viewer may give an application its key back.
func checkEnabling(ctx context.Context, tx *database.Tx, row *ent.APIKey, org records.Organization) error {
	bearer, err := lockApplication(ctx, tx, *row.ApplicationID)
	if err != nil {
		return err
	}
	grants, err := records.GrantsOf(ctx, bearer)
	if err != nil {
		return err
	}
	return records.CheckGranting(ctx, tx, org, records.Granting{
		Grants: grants, To: records.Recipients{Applications: []uuid.UUID{bearer.ID}}, Action: "updateApiKey", Subject: bearer.Name,
	})
}

// Rotate gives a key another secret and returns its text, which nobody can
// read again; the old secret is worth nothing from then on. Needs what making
// the key needs.
func (s *Service) Rotate(ctx context.Context, id uuid.UUID, expectedVersion *int) (*Key, string, error) {
	var text string
	key, err := s.change(ctx, "rotateApiKey", id, expectedVersion, func(ctx context.Context, tx *database.Tx, row *ent.APIKey, found sighted) (*ent.APIKeyUpdateOne, error) {
		if !found.own {
			bearer, err := lockApplication(ctx, tx, *row.ApplicationID)
			if err != nil {
				return nil, err
			}
			if err := checkHolding(ctx, tx, found.org, bearer, "rotateApiKey"); err != nil {
				return nil, err
			}
		}
		by, err := records.Maker(ctx, tx)
		if err != nil {
			return nil, err
		}
		secret, err := token.RenewAPIKey(row.AccessKey, s.random)
		if err != nil {
			return nil, err
		}
		text = secret.Text()
		return row.Update().SetSecretHash(secret.Hash()).SetCreatedBy(by).SetCreatedIP(addressOf(ctx)), nil
	})
	return key, text, err
}

// change locks a key's row, applies a change to it and journals it.
func (s *Service) change(ctx context.Context, action string, id uuid.UUID, expectedVersion *int, apply func(context.Context, *database.Tx, *ent.APIKey, sighted) (*ent.APIKeyUpdateOne, error)) (*Key, error) {
	found, err := s.find(ctx, id)
	if err != nil {
		return nil, err
	}
	viewer := access.ViewerFrom(ctx)
	if err := cmp.Or(access.CheckOwnHands(viewer), checkUse(viewer, found)); err != nil {
		return nil, err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: action, Organization: found.org.ID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockRow(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := database.CheckVersion(row.Version, expectedVersion); err != nil {
			return err
		}
		set, err := apply(ctx, tx, row, found)
		if err != nil {
			return err
		}
		after, err := set.SetVersion(row.Version + 1).Save(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", action, err)
		}
		tx.Record(database.Change{Kind: typeid.APIKey, ID: id, Organization: row.OrganizationID, Before: row, After: after})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.Get(ctx, id)
}

// checkUse returns nil if the viewer may change a key: a person's is for that
// person alone.
func checkUse(viewer access.Viewer, found sighted) error {
	if !found.own && found.row.Edges.Membership != nil {
		return fault.New(fault.Forbidden, "the key of a person is changed by nobody else; it can be deleted")
	}
	return checkRemoval(viewer, found)
}

// checkRemoval returns nil if the viewer may delete a key.
func checkRemoval(viewer access.Viewer, found sighted) error {
	project := projectOf(found.row)
	switch {
	case found.own:
		return access.CheckSelf(viewer, found.org.Target())
	case project != uuid.Nil:
		return access.Check(viewer, access.ProjectKeysWrite, found.org.Target().In(orgtree.ID(project)))
	default:
		return access.Check(viewer, access.APIKeysWrite, found.org.Target())
	}
}

// Delete removes a key: one's own, with apikeys:write that of any person or
// application, with projectkeys:write that of the project.
func (s *Service) Delete(ctx context.Context, id uuid.UUID) error {
	found, err := s.find(ctx, id)
	if err != nil {
		return err
	}
	viewer := access.ViewerFrom(ctx)
	if found.own {
		err = access.CheckOwnHands(viewer)
	}
	if err := cmp.Or(err, checkRemoval(viewer, found)); err != nil {
		return err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "deleteApiKey", Organization: found.org.ID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockRow(ctx, tx, id)
		if err != nil {
			return err
		}
		return remove(ctx, tx, row)
	})
	if err == nil && viewer.Key == orgtree.ID(id) {
		access.Renew(ctx, access.Viewer{}) // The rest of the request is without a key.
	}
	return err
}

func remove(ctx context.Context, tx *database.Tx, row *ent.APIKey) error {
	if err := tx.APIKey.DeleteOne(row).Exec(ctx); err != nil {
		return fmt.Errorf("delete API key: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.APIKey, ID: row.ID, Organization: row.OrganizationID, Before: row})
	return nil
}

func lockRow(ctx context.Context, tx *database.Tx, id uuid.UUID) (*ent.APIKey, error) {
	query := tx.APIKey.Query().Where(apikey.ID(id))
	query.Modify(tx.Lock)
	row, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.Missing("API key")
	}
	if err != nil {
		return nil, fmt.Errorf("lock API key: %w", err)
	}
	return row, nil
}
