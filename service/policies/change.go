package policies

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/accesspolicy"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
	"github.com/headwater-platform/headwater/typeid"
)

// NewPolicy is what createPolicy is asked for.
type NewPolicy struct {
	Organization uuid.UUID
	Name         string
	Description  string
	Tags         []string
	// Principal is a user, an application or a group; nil for an orphan.
	Principal *typeid.ID
	Rules     []NewRule
}

// Create makes a policy. Needs policies:write and the right to grant what it
// grants.
func (s *Service) Create(ctx context.Context, n NewPolicy) (*Policy, error) {
	org, err := s.records.Check(ctx, access.PoliciesWrite, n.Organization)
	if err != nil {
		return nil, err
	}
	if err := checkName(n.Name); err != nil {
		return nil, err
	}
	if err := checkDescription(n.Description); err != nil {
		return nil, err
	}
	if err := roster.CheckTags(n.Tags); err != nil {
		return nil, err
	}
	rules, err := parseRules(n.Rules)
	if err != nil {
		return nil, err
	}
	return s.make(ctx, "createPolicy", org, func(context.Context, *database.Tx) (draft, error) {
		return draft{name: n.Name, description: n.Description, tags: n.Tags, rules: rules, principal: n.Principal}, nil
	})
}

// Clone makes a policy with the description, tags and rules of another, for the
// same principal or as an orphan. Needs what Create needs.
func (s *Service) Clone(ctx context.Context, id uuid.UUID, name string, keepPrincipal bool) (*Policy, error) {
	org, err := s.writable(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := checkName(name); err != nil {
		return nil, err
	}
	return s.make(ctx, "clonePolicy", org, func(ctx context.Context, tx *database.Tx) (draft, error) {
		row, err := lockRow(ctx, tx, id)
		if err != nil {
			return draft{}, err
		}
		d := draft{name: name, description: row.Description, tags: row.Tags, rules: row.Rules}
		if keepPrincipal {
			d.principal = principalOf(row)
		}
		return d, nil
	})
}

// draft is a policy before it is made.
type draft struct {
	name, description string
	tags              []string
	rules             []access.Rule
	principal         *typeid.ID
}

// make writes the policy that a draft describes.
func (s *Service) make(ctx context.Context, action string, org records.Organization, prepare func(context.Context, *database.Tx) (draft, error)) (*Policy, error) {
	var made *ent.AccessPolicy
	_, err := s.db.Write(ctx, database.Entry{Action: action, Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		if err := records.CheckQuota(ctx, tx, org, records.QuotaPolicies, 1); err != nil {
			return err
		}
		d, err := prepare(ctx, tx)
		if err != nil {
			return err
		}
		to, err := admit(ctx, tx, org, admission{action: action, name: d.name, principal: d.principal, rules: d.rules})
		if err != nil {
			return err
		}
		create := tx.AccessPolicy.Create().
			SetID(s.db.NewID()).SetOrganizationID(org.ID).
			SetName(d.name).SetDescription(d.description).SetTags(given(d.tags)).SetRules(d.rules).SetCreatedAt(s.db.Now())
		to.put(create.Mutation())
		row, err := create.Save(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", action, err)
		}
		tx.Record(database.Change{Kind: typeid.Policy, ID: row.ID, Organization: org.ID, After: row})
		made, err = reload(ctx, tx, row.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.answer(ctx, made)
}

// admission is a policy that shall take effect: rules for a principal.
type admission struct {
	action, name string
	principal    *typeid.ID
	rules        []access.Rule
	// former are the rules that these replace.
	former []access.Rule
}

// admit finds the principal, and returns it if the organization's policies may
// have the rules and the viewer may grant what they give and gave.
func admit(ctx context.Context, tx *database.Tx, org records.Organization, a admission) (bearer, error) {
	if err := holdProjects(ctx, tx, org, a.rules); err != nil {
		return bearer{}, err
	}
	to, err := hold(ctx, tx, org, a.principal)
	if err != nil {
		return bearer{}, err
	}
	if err := access.CheckRules(a.rules, to.kind, org.Kind); err != nil {
		return bearer{}, err
	}
	return to, records.CheckGranting(ctx, tx, org, records.Granting{
		Grants: to.grants(org, slices.Concat(a.rules, a.former)), To: to.recipients(), Action: a.action, Subject: a.name,
	})
}

// Update is what updatePolicy is asked for; nil leaves a field as it is.
type Update struct {
	ID              uuid.UUID
	Name            *string
	Description     *string
	Tags            []string
	ExpectedVersion *int
}

// Update changes name, description or tags. Needs policies:write.
// MANAGED_READONLY for a managed policy.
func (s *Service) Update(ctx context.Context, u Update) (*Policy, error) {
	return s.change(ctx, "updatePolicy", u.ID, u.ExpectedVersion, func(_ context.Context, _ *database.Tx, row *ent.AccessPolicy, _ records.Organization) (*ent.AccessPolicyUpdateOne, error) {
		if row.Managed {
			return nil, managedReadonly("a managed policy keeps its name, description and tags")
		}
		set := row.Update()
		if u.Name != nil {
			if err := checkName(*u.Name); err != nil {
				return nil, err
			}
			set.SetName(*u.Name)
		}
		if u.Description != nil {
			if err := checkDescription(*u.Description); err != nil {
				return nil, err
			}
			set.SetDescription(*u.Description)
		}
		if u.Tags != nil {
			if err := roster.CheckTags(u.Tags); err != nil {
				return nil, err
			}
			set.SetTags(u.Tags)
		}
		return set, nil
	})
}

// SetRules replaces the rules of a policy. Needs policies:write and the right to
// grant what the old and the new ones give; those of a built-in policy are the
// owner's. MANAGED_READONLY for other managed policies.
func (s *Service) SetRules(ctx context.Context, id uuid.UUID, written []NewRule, expectedVersion *int) (*Policy, error) {
	rules, err := parseRules(written)
	if err != nil {
		return nil, err
	}
	return s.change(ctx, "setPolicyRules", id, expectedVersion, func(ctx context.Context, tx *database.Tx, row *ent.AccessPolicy, org records.Organization) (*ent.AccessPolicyUpdateOne, error) {
		if err := checkRulesOf(ctx, row); err != nil {
			return nil, err
		}
		return replace(ctx, tx, org, row, rules, "setPolicyRules")
	})
}

// ResetBuiltin gives a built-in policy the rules that it was made with. The
// owner may do that. INVALID for other policies.
func (s *Service) ResetBuiltin(ctx context.Context, id uuid.UUID, expectedVersion *int) (*Policy, error) {
	return s.change(ctx, "resetBuiltinPolicy", id, expectedVersion, func(ctx context.Context, tx *database.Tx, row *ent.AccessPolicy, org records.Organization) (*ent.AccessPolicyUpdateOne, error) {
		if row.Builtin == nil {
			return nil, fault.Invalidf("policyId", "only a built-in policy can be reset")
		}
		if err := checkRulesOf(ctx, row); err != nil {
			return nil, err
		}
		return replace(ctx, tx, org, row, row.Builtin.Rules(), "resetBuiltinPolicy")
	})
}

// checkRulesOf returns nil if the rules of a policy may be changed by the viewer,
// who writes policies.
func checkRulesOf(ctx context.Context, row *ent.AccessPolicy) error {
	viewer := access.ViewerFrom(ctx)
	switch {
	case row.Builtin != nil && !viewer.IsSystem() && !viewer.Standing(orgtree.ID(row.OrganizationID)).Owner:
		return fault.New(fault.Forbidden, "only the owner changes the rules of a built-in policy")
	case row.Builtin == nil && row.Managed:
		return managedReadonly("the rules of a managed policy stay as they were made")
	}
	return nil
}

func replace(ctx context.Context, tx *database.Tx, org records.Organization, row *ent.AccessPolicy, rules []access.Rule, action string) (*ent.AccessPolicyUpdateOne, error) {
	_, err := admit(ctx, tx, org, admission{
		action: action, name: row.Name, principal: principalOf(row), rules: rules, former: row.Rules,
	})
	if err != nil {
		return nil, err
	}
	return row.Update().SetRules(rules), nil
}

// SetPrincipal gives a policy to another principal, or to nobody. Needs
// policies:write and the right to grant what it grants, for whoever gets it and
// whoever loses it. MANAGED_READONLY for a managed policy.
func (s *Service) SetPrincipal(ctx context.Context, id uuid.UUID, principal *typeid.ID, expectedVersion *int) (*Policy, error) {
	const action = "setPolicyPrincipal"
	return s.change(ctx, action, id, expectedVersion, func(ctx context.Context, tx *database.Tx, row *ent.AccessPolicy, org records.Organization) (*ent.AccessPolicyUpdateOne, error) {
		if row.Managed {
			return nil, managedReadonly("a managed policy keeps its principal")
		}
		set := row.Update()
		if principal == nil {
			bearer{}.put(set.Mutation())
			return set, checkTaking(ctx, tx, org, row, action)
		}
		// Who loses the rights loses what the other one gets.
		to, err := admit(ctx, tx, org, admission{action: action, name: row.Name, principal: principal, rules: row.Rules})
		if err != nil {
			return nil, err
		}
		to.put(set.Mutation())
		return set, nil
	})
}

// checkTaking returns nil if the viewer may take from its principal what a policy
// gives.
func checkTaking(ctx context.Context, tx *database.Tx, org records.Organization, row *ent.AccessPolicy, action string) error {
	return records.CheckGranting(ctx, tx, org, records.Granting{
		Grants: bearerOf(row).grants(org, row.Rules), Action: action, Subject: row.Name,
	})
}

// Delete removes a policy. Needs what taking it from its principal needs.
// MANAGED_READONLY for a managed policy.
func (s *Service) Delete(ctx context.Context, id uuid.UUID) error {
	org, err := s.writable(ctx, id)
	if err != nil {
		return err
	}
	_, err = s.db.Write(ctx, database.Entry{Action: "deletePolicy", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockRow(ctx, tx, id)
		if err != nil {
			return err
		}
		if row.Managed {
			return managedReadonly("a managed policy goes with what it was made for")
		}
		if err := checkTaking(ctx, tx, org, row, "deletePolicy"); err != nil {
			return err
		}
		if err := tx.AccessPolicy.DeleteOne(row).Exec(ctx); err != nil {
			return fmt.Errorf("delete policy: %w", err)
		}
		tx.Record(database.Change{Kind: typeid.Policy, ID: id, Organization: org.ID, Before: row})
		return nil
	})
	if err != nil {
		return err
	}
	return s.records.Renew(ctx)
}

// change locks a policy's row, applies a change to it and journals it.
func (s *Service) change(ctx context.Context, action string, id uuid.UUID, expectedVersion *int, apply func(context.Context, *database.Tx, *ent.AccessPolicy, records.Organization) (*ent.AccessPolicyUpdateOne, error)) (*Policy, error) {
	org, err := s.writable(ctx, id)
	if err != nil {
		return nil, err
	}
	var changed *ent.AccessPolicy
	_, err = s.db.Write(ctx, database.Entry{Action: action, Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		row, err := lockRow(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := database.CheckVersion(row.Version, expectedVersion); err != nil {
			return err
		}
		set, err := apply(ctx, tx, row, org)
		if err != nil {
			return err
		}
		after, err := set.SetVersion(row.Version + 1).Save(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", action, err)
		}
		tx.Record(database.Change{Kind: typeid.Policy, ID: id, Organization: org.ID, Before: row, After: after})
		changed, err = reload(ctx, tx, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.answer(ctx, changed)
}

// answer returns a policy as the change left it. The change may have altered the
// viewer's own rights.
func (s *Service) answer(ctx context.Context, row *ent.AccessPolicy) (*Policy, error) {
	if err := s.records.Renew(ctx); err != nil {
		return nil, err
	}
	return wrap([]*ent.AccessPolicy{row})[0], nil
}

// writable returns the organization of a policy that the viewer can read, if the
// viewer holds policies:write there.
func (s *Service) writable(ctx context.Context, id uuid.UUID) (records.Organization, error) {
	_, org, err := s.find(ctx, id)
	if err != nil {
		return records.Organization{}, err
	}
	return org, access.Check(access.ViewerFrom(ctx), access.PoliciesWrite, org.Target())
}

// lockRow locks a policy and returns it with its membership.
func lockRow(ctx context.Context, tx *database.Tx, id uuid.UUID) (*ent.AccessPolicy, error) {
	query := tx.AccessPolicy.Query().Where(accesspolicy.ID(id))
	query.Modify(tx.Lock)
	if _, err := query.OnlyID(ctx); ent.IsNotFound(err) {
		return nil, fault.Missing("policy")
	} else if err != nil {
		return nil, fmt.Errorf("lock policy: %w", err)
	}
	return reload(ctx, tx, id)
}

// reload returns a policy of the transaction with its membership.
func reload(ctx context.Context, tx *database.Tx, id uuid.UUID) (*ent.AccessPolicy, error) {
	row, err := withPrincipal(tx.AccessPolicy.Query().Where(accesspolicy.ID(id))).Only(ctx)
	if err != nil {
		return nil, fmt.Errorf("read policy: %w", err)
	}
	return row, nil
}

// given returns a list that is not nil.
func given(tags []string) []string {
	if tags == nil {
		return []string{}
	}
	return tags
}

func managedReadonly(message string) error {
	return fault.New(fault.Conflict, "%s", message).Because(fault.ManagedReadonly)
}
