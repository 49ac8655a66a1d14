package organizations

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent/apikey"
	"github.com/headwater-platform/headwater/ent/application"
	"github.com/headwater-platform/headwater/ent/project"
	"github.com/headwater-platform/headwater/ent/resource"
	"github.com/headwater-platform/headwater/ent/sshkey"
	"github.com/headwater-platform/headwater/fault"
)

// checkEmpty returns CONFLICT with ORG_NOT_EMPTY while an organization has a
// project beside the default one, or that one has active resources, SSH keys or
// API keys. Whoever deletes it may not see all of its projects.
func checkEmpty(ctx context.Context, tx *database.Tx, id uuid.UUID) error {
	ctx = database.Unguarded(ctx)
	for _, exist := range []func(context.Context) (bool, error){
		tx.Project.Query().Where(project.OrganizationID(id), project.IsDefault(false)).Exist,
		tx.Resource.Query().Where(resource.OrganizationID(id), resource.StatusEQ(resource.StatusACTIVE)).Exist,
		tx.SSHKey.Query().Where(sshkey.OrganizationID(id)).Exist,
		tx.APIKey.Query().Where(apikey.OrganizationID(id), apikey.HasApplicationWith(application.ProjectIDNotNil())).Exist,
	} {
		used, err := exist(ctx)
		if err != nil {
			return fmt.Errorf("look into organization: %w", err)
		}
		if used {
			return fault.New(fault.Conflict, "the organization is not empty: its projects, and what is in the default one, have to go first").
				Because(fault.OrgNotEmpty)
		}
	}
	return nil
}
