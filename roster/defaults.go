package roster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/group"
	"github.com/headwater-platform/headwater/ent/project"
	"github.com/headwater-platform/headwater/ent/resource"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/typeid"
	"github.com/headwater-platform/headwater/waterfall"
	"github.com/headwater-platform/headwater/waterfall/catalogue"
)

// userDefaults is the setting that lists what each new member begins with.
const userDefaults = "customize.user_defaults"

// userDefault is a resource that a new member begins with.
type userDefault struct {
	Kind string            `json:"kind"`
	Name string            `json:"name"`
	Spec map[string]string `json:"spec"`
}

// copyDefaults registers in the default project, for each of some new members,
// the resources that the setting lists for them as it is now, in the groups that
// they join.
func copyDefaults(ctx context.Context, tx *database.Tx, org records.Organization, list []Newcomer) error {
	ctx = system(ctx)
	lists, err := defaultsFor(ctx, tx, org, list)
	if err != nil || lists == nil {
		return err
	}
	home, err := tx.Project.Query().Where(project.OrganizationID(org.ID), project.IsDefault(true)).OnlyID(ctx)
	if err != nil {
		return fmt.Errorf("find default project: %w", err)
	}
	var creates []*ent.ResourceCreate
	for i, n := range list {
		for _, d := range lists[i] {
			creates = append(creates, tx.Resource.Create().
				SetID(tx.NewID()).SetOrganizationID(org.ID).SetProjectID(home).
				SetKind(d.Kind).SetName(d.Name).SetSpec(d.Spec).
				SetProvider("").SetRegion("").SetInstanceType("").SetExternalID("").
				SetStatus(resource.StatusACTIVE).SetCreatedBy(n.Person).SetCreatedAt(tx.Now()))
		}
	}
	for batch := range slices.Chunk(creates, joinBatch) {
		rows, err := tx.Resource.CreateBulk(batch...).Save(ctx)
		if err != nil {
			return fmt.Errorf("copy default resources: %w", err)
		}
		for _, row := range rows {
			tx.Record(database.Change{Kind: typeid.Resource, ID: row.ID, Organization: org.ID, After: row})
		}
	}
	return nil
}

// defaultsFor returns what each of some new members begins with, or nil if nobody
// begins with anything.
func defaultsFor(ctx context.Context, tx *database.Tx, org records.Organization, list []Newcomer) ([][]userDefault, error) {
	definition, ok := catalogue.Lookup(userDefaults)
	if !ok {
		return nil, errors.New("there is no setting " + userDefaults)
	}
	var joined []uuid.UUID
	for _, n := range list {
		joined = append(joined, n.Groups...)
	}
	slices.SortFunc(joined, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	joined = slices.Compact(joined)
	directives, err := records.In(tx).Directives(ctx, append(records.Scopes(org.Nodes()), joined...), []string{userDefaults}, nil)
	if err != nil || len(directives) == 0 {
		return nil, err
	}
	groups, err := groupsNamed(ctx, tx, joined)
	if err != nil {
		return nil, err
	}
	lists, known := make([][]userDefault, len(list)), map[string][]userDefault{}
	for i, n := range list {
		nodes := org.Nodes()
		theirs := slices.DeleteFunc(slices.Clone(groups), func(g *ent.Group) bool { return !slices.Contains(n.Groups, g.ID) })
		for _, g := range records.InSettingOrder(theirs) {
			nodes = append(nodes, waterfall.Node{Level: waterfall.LevelGroup, ID: orgtree.ID(g.ID)})
		}
		key := fmt.Sprint(nodes)
		if _, ok := known[key]; !ok {
			value := records.ValueAt(definition, nodes, directives)
			var defaults []userDefault
			if err := json.Unmarshal(value.JSON(), &defaults); err != nil {
				return nil, fmt.Errorf("read %s: %w", userDefaults, err)
			}
			known[key] = defaults
		}
		lists[i] = known[key]
	}
	return lists, nil
}

func groupsNamed(ctx context.Context, tx *database.Tx, ids []uuid.UUID) ([]*ent.Group, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := tx.Group.Query().Where(group.IDIn(ids...)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load groups: %w", err)
	}
	return rows, nil
}
