package projects

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/accesspolicy"
	"github.com/headwater-platform/headwater/ent/apikey"
	"github.com/headwater-platform/headwater/ent/application"
	"github.com/headwater-platform/headwater/ent/groupproject"
	"github.com/headwater-platform/headwater/ent/resource"
	"github.com/headwater-platform/headwater/ent/sshkey"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
)

// Delete removes a project with its resources, SSH keys and application; it
// leaves groups and policies, whose rules shrink and never widen. Needs
// projects:write. CONFLICT for the default project, and for one that is not
// empty unless confirmName is its name.
func (s *Service) Delete(ctx context.Context, id uuid.UUID, confirmName string) error {
	found, org, err := s.find(ctx, id)
	if err != nil {
		return err
	}
	if err := access.Check(access.ViewerFrom(ctx), access.ProjectsWrite, org.Target().In(orgtree.ID(id))); err != nil {
		return err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "deleteProject", Organization: found.OrganizationID}, func(ctx context.Context, tx *database.Tx) error {
		// Whoever puts something into the project waits for this lock.
		row, err := lockRow(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := checkDelete(ctx, tx, row, confirmName); err != nil {
			return err
		}
		return remove(ctx, tx, row)
	})
	if err != nil {
		return err
	}
	return s.records.Renew(ctx)
}

func checkDelete(ctx context.Context, tx *database.Tx, row *ent.Project, confirmName string) error {
	if row.IsDefault {
		return fault.New(fault.Conflict, "the default project cannot be deleted").Because(fault.BuiltinImmutable)
	}
	if confirmName == row.Name {
		return nil
	}
	if confirmName != "" {
		return fault.New(fault.Conflict, "the name that was typed is not that of the project")
	}
	used, err := isUsed(ctx, tx, row.ID)
	if err != nil {
		return err
	}
	if used {
		return fault.New(fault.Conflict, "the project is not empty: type its name to delete it with all that is in it").Because(fault.ProjectNotEmpty)
	}
	return nil
}

// isUsed reports whether a project has active resources, SSH keys or API keys.
func isUsed(ctx context.Context, tx *database.Tx, id uuid.UUID) (bool, error) {
	for _, exist := range []func(context.Context) (bool, error){
		tx.Resource.Query().Where(resource.ProjectID(id), resource.StatusEQ(resource.StatusACTIVE)).Exist,
		tx.SSHKey.Query().Where(sshkey.ProjectID(id)).Exist,
		tx.APIKey.Query().Where(apikey.HasApplicationWith(application.ProjectID(id))).Exist,
	} {
		used, err := exist(ctx)
		if err != nil {
			return false, fmt.Errorf("look into project: %w", err)
		}
		if used {
			return true, nil
		}
	}
	return false, nil
}

// remove deletes a project with all that is in it or names it.
func remove(ctx context.Context, tx *database.Tx, row *ent.Project) error {
	for _, step := range []func(context.Context, *database.Tx, *ent.Project) error{
		removeResources, removeSSHKeys, removeApplication, clearDefaults, leaveGroups, shrinkPolicies,
	} {
		if err := step(ctx, tx, row); err != nil {
			return err
		}
	}
	if err := tx.Project.DeleteOne(row).Exec(ctx); err != nil {
		return fmt.Errorf("delete project: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Project, ID: row.ID, Organization: row.OrganizationID, Before: row})
	return nil
}

func removeResources(ctx context.Context, tx *database.Tx, row *ent.Project) error {
	rows, err := tx.Resource.Query().Where(resource.ProjectID(row.ID)).Order(ent.Asc(resource.FieldID)).All(ctx)
	if err != nil {
		return fmt.Errorf("load resources: %w", err)
	}
	for _, r := range rows {
		tx.Record(database.Change{Kind: typeid.Resource, ID: r.ID, Organization: row.OrganizationID, Before: r})
	}
	if _, err := tx.Resource.Delete().Where(resource.ProjectID(row.ID)).Exec(ctx); err != nil {
		return fmt.Errorf("delete resources: %w", err)
	}
	return nil
}

func removeSSHKeys(ctx context.Context, tx *database.Tx, row *ent.Project) error {
	rows, err := tx.SSHKey.Query().Where(sshkey.ProjectID(row.ID)).Order(ent.Asc(sshkey.FieldID)).All(ctx)
	if err != nil {
		return fmt.Errorf("load SSH keys: %w", err)
	}
	for _, key := range rows {
		tx.Record(database.Change{Kind: typeid.SSHKey, ID: key.ID, Organization: row.OrganizationID, Before: key})
	}
	if _, err := tx.SSHKey.Delete().Where(sshkey.ProjectID(row.ID)).Exec(ctx); err != nil {
		return fmt.Errorf("delete SSH keys: %w", err)
	}
	return nil
}

// removeApplication deletes the managed application of a project, if it has
// one, with its keys and its places in groups.
func removeApplication(ctx context.Context, tx *database.Tx, row *ent.Project) error {
	managed, err := tx.Application.Query().Where(application.ProjectID(row.ID)).WithAPIKeys().WithGroupMembers().Only(ctx)
	if ent.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("load application of project: %w", err)
	}
	if err := records.OrphanPolicies(ctx, tx, records.Recipients{Applications: []uuid.UUID{managed.ID}}); err != nil {
		return err
	}
	for _, key := range managed.Edges.APIKeys {
		tx.Record(database.Change{Kind: typeid.APIKey, ID: key.ID, Organization: row.OrganizationID, Before: key})
	}
	for _, place := range managed.Edges.GroupMembers {
		tx.Record(database.Change{Kind: typeid.GroupMember, ID: place.ID, Organization: row.OrganizationID, Before: place})
	}
	if _, err := tx.APIKey.Delete().Where(apikey.ApplicationID(managed.ID)).Exec(ctx); err != nil {
		return fmt.Errorf("delete API keys: %w", err)
	}
	if err := tx.Application.DeleteOne(managed).Exec(ctx); err != nil {
		return fmt.Errorf("delete application of project: %w", err)
	}
	tx.Record(database.Change{Kind: typeid.Application, ID: managed.ID, Organization: row.OrganizationID, Before: managed})
	return nil
}

// clearDefaults takes the project from the keys whose calls fall back on it.
func clearDefaults(ctx context.Context, tx *database.Tx, row *ent.Project) error {
	query := tx.APIKey.Query().Where(apikey.DefaultProjectID(row.ID)).Order(ent.Asc(apikey.FieldID))
	query.Modify(tx.Lock)
	keys, err := query.All(ctx)
	if err != nil {
		return fmt.Errorf("lock API keys: %w", err)
	}
	for _, key := range keys {
		after, err := key.Update().ClearDefaultProjectID().SetVersion(key.Version + 1).Save(ctx)
		if err != nil {
			return fmt.Errorf("clear default project: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.APIKey, ID: key.ID, Organization: row.OrganizationID, Before: key, After: after})
	}
	return nil
}

func leaveGroups(ctx context.Context, tx *database.Tx, row *ent.Project) error {
	rows, err := tx.GroupProject.Query().Where(groupproject.ProjectID(row.ID)).Order(ent.Asc(groupproject.FieldID)).All(ctx)
	if err != nil {
		return fmt.Errorf("load groups of project: %w", err)
	}
	for _, reached := range rows {
		tx.Record(database.Change{Kind: typeid.GroupProject, ID: reached.ID, Organization: row.OrganizationID, Before: reached})
	}
	if _, err := tx.GroupProject.Delete().Where(groupproject.ProjectID(row.ID)).Exec(ctx); err != nil {
		return fmt.Errorf("take project from groups: %w", err)
	}
	return nil
}

// shrinkPolicies takes the project from the rules of the organization's
// policies. A rule that is left without projects goes.
func shrinkPolicies(ctx context.Context, tx *database.Tx, row *ent.Project) error {
	query := tx.AccessPolicy.Query().Where(accesspolicy.OrganizationID(row.OrganizationID)).Order(ent.Asc(accesspolicy.FieldID))
	query.Modify(tx.Lock)
	policies, err := query.All(ctx)
	if err != nil {
		return fmt.Errorf("lock policies: %w", err)
	}
	for _, policy := range policies {
		rules, changed := access.WithoutProject(policy.Rules, orgtree.ID(row.ID))
		if !changed {
			continue
		}
		after, err := policy.Update().SetRules(rules).SetVersion(policy.Version + 1).Save(ctx)
		if err != nil {
			return fmt.Errorf("shrink policy: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Policy, ID: policy.ID, Organization: row.OrganizationID, Before: policy, After: after})
	}
	return nil
}
