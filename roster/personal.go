package roster

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/organization"
	"github.com/headwater-platform/headwater/orgtree"
)

// FoundPersonal makes the organization that comes with the account of a person
// who signed up or accepted an invitation: directly under the root, theirs, and
// waiting for its activation. It is called after its owner or, where they gave no
// name, by the local part of the address.
func FoundPersonal(ctx context.Context, tx *database.Tx, owner *ent.User) (*ent.Organization, error) {
	if err := tx.LockTree(ctx); err != nil {
		return nil, err
	}
	root, err := tx.Organization.Query().Where(organization.KindEQ(orgtree.Platform)).Only(system(ctx))
	if err != nil {
		return nil, fmt.Errorf("find the platform: %w", err)
	}
	name, source := personalName(owner)
	row, err := Found(ctx, tx, NewOrganization{
		Parent: root, Kind: orgtree.Standard, Status: orgtree.PendingActivation, Name: name, Personal: true, NameSource: source,
	})
	if err != nil {
		return nil, err
	}
	return row, Own(ctx, tx, row.ID, owner.ID)
}

// maxOrganizationName is how many characters the name of an organization has at
// most.
const maxOrganizationName = 100

// personalName returns what a personal organization is called at first. An
// account without a name has its username there.
func personalName(owner *ent.User) (string, organization.NameSource) {
	name, source := strings.TrimSpace(owner.Name), organization.NameSourceOWNER_NAME
	if name == "" || name == owner.Username {
		local, _, _ := strings.Cut(owner.Email, "@")
		name, source = local, organization.NameSourceEMAIL
	}
	if utf8.RuneCountInString(name) > maxOrganizationName {
		name = strings.TrimSpace(string([]rune(name)[:maxOrganizationName]))
	}
	return name, source
}
