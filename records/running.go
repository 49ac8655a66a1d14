package records

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/resource"
)

// running is how many machines run in an organization.
type running map[machine]int

// machine is what a machine is counted as.
type machine struct {
	// group is the nil id for those of no group.
	group uuid.UUID
	// provider is in lower case.
	provider, instanceType string
}

const (
	// runningShare is which part of the memory counts of machines take: one in so
	// many.
	runningShare = 16
	// sizeOfMachine is an estimate of what one count takes, in bytes.
	sizeOfMachine = 120
)

// in returns how many machines of a provider's type run, in a group or anywhere.
func (r running) in(group *uuid.UUID, provider, instanceType string) int {
	n := 0
	for m, count := range r {
		if m.provider == provider && m.instanceType == instanceType && (group == nil || m.group == *group) {
			n += count
		}
	}
	return n
}

// Running returns how many machines of a provider's type run in an organization
// or, if it is not nil, in a group of it, whoever may see them. The provider is in
// lower case.
func (s *Store) Running(ctx context.Context, organization uuid.UUID, group *uuid.UUID, provider, instanceType string) (int, error) {
	if !s.recalls() {
		return countRunning(ctx, s.client, organization, group, provider, instanceType)
	}
	if k, ok := s.running.get(organization); ok {
		return k.record.in(group, provider, instanceType), nil
	}
	found, err := s.running.load(ctx, organization, func(ctx context.Context) (snapshot[running], error) {
		var snap snapshot[running]
		err := s.db.Read(unscoped(ctx), func(ctx context.Context, tx *database.Tx) error {
			var err error
			if snap.revision, err = tx.Revision(ctx); err != nil {
				return err
			}
			counts, err := readRunning(ctx, tx.Client, organization)
			size := int64(sizeOfKept + len(counts)*sizeOfMachine)
			snap.records = []stored[running]{{key: organization, size: size, record: counts}}
			return err
		})
		return snap, err
	})
	if err != nil {
		return 0, err
	}
	return found[organization].record.in(group, provider, instanceType), nil
}

func countRunning(ctx context.Context, client *ent.Client, organization uuid.UUID, group *uuid.UUID, provider, instanceType string) (int, error) {
	in := resource.OrganizationID(organization)
	if group != nil {
		in = resource.GroupID(*group)
	}
	n, err := client.Resource.Query().
		Where(in, resource.StatusEQ(resource.StatusACTIVE), resource.ProviderEqualFold(provider), resource.InstanceType(instanceType)).
		Count(unscoped(ctx))
	if err != nil {
		return 0, fmt.Errorf("count what runs: %w", err)
	}
	return n, nil
}

func readRunning(ctx context.Context, client *ent.Client, organization uuid.UUID) (running, error) {
	var rows []struct {
		GroupID      *uuid.UUID `json:"group_id"`
		Provider     string     `json:"provider"`
		InstanceType string     `json:"instance_type"`
		Count        int        `json:"count"`
	}
	err := client.Resource.Query().
		Where(resource.OrganizationID(organization), resource.StatusEQ(resource.StatusACTIVE), resource.InstanceTypeNEQ("")).
		GroupBy(resource.FieldGroupID, resource.FieldProvider, resource.FieldInstanceType).Aggregate(ent.Count()).Scan(unscoped(ctx), &rows)
	if err != nil {
		return nil, fmt.Errorf("count what runs: %w", err)
	}
	counts := running{}
	for _, row := range rows {
		m := machine{provider: strings.ToLower(row.Provider), instanceType: row.InstanceType}
		if row.GroupID != nil {
			m.group = *row.GroupID
		}
		counts[m] += row.Count
	}
	return counts, nil
}
