package records

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/billingcontact"
	"github.com/headwater-platform/headwater/ent/billingprofile"
	"github.com/headwater-platform/headwater/ent/membership"
)

// PostToBilling is PostAll for letters that each go to those whom its organization
// has told about bills: its billing contacts, else the address of its billing
// profile, else its owner. Whoever acts, they are told.
func PostToBilling(ctx context.Context, tx *database.Tx, letters []Letter) error {
	ids := make([]uuid.UUID, len(letters))
	for i, l := range letters {
		ids[i] = l.Organization
	}
	to, err := billed(database.Unguarded(ctx), tx, ids)
	if err != nil {
		return err
	}
	var addressed []Letter
	for _, l := range letters {
		for _, recipient := range to[l.Organization] {
			l.User, l.Address = recipient.User, recipient.Address
			addressed = append(addressed, l)
		}
	}
	return PostAll(ctx, tx, addressed)
}

// recipient is a person or, where there is none, an address.
type recipient struct {
	User    uuid.UUID
	Address string
}

// billed returns who is told about the bills of organizations, in three statements.
func billed(ctx context.Context, tx *database.Tx, ids []uuid.UUID) (map[uuid.UUID][]recipient, error) {
	contacts, err := tx.BillingContact.Query().Where(billingcontact.OrganizationIDIn(ids...)).Order(ent.Asc(billingcontact.FieldID)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list billing contacts: %w", err)
	}
	to := make(map[uuid.UUID][]recipient, len(ids))
	for _, row := range contacts {
		to[row.OrganizationID] = append(to[row.OrganizationID], recipient{Address: row.Email})
	}
	profiles, err := tx.BillingProfile.Query().Where(billingprofile.OrganizationIDIn(ids...), billingprofile.EmailNEQ("")).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load billing profiles: %w", err)
	}
	for _, row := range profiles {
		if to[row.OrganizationID] == nil {
			to[row.OrganizationID] = []recipient{{Address: row.Email}}
		}
	}
	owners, err := tx.Membership.Query().Where(membership.OrganizationIDIn(ids...), membership.Owner(true)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("find owners: %w", err)
	}
	for _, row := range owners {
		if to[row.OrganizationID] == nil {
			to[row.OrganizationID] = []recipient{{User: row.UserID}}
		}
	}
	return to, nil
}
