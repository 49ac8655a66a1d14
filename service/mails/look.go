package mails

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/mail"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/waterfall"
	"github.com/headwater-platform/headwater/waterfall/catalogue"
)

// The settings that a mail obeys.
const (
	publicName = "platform.public_name"
	locale     = "customize.locale"
	theme      = "customize.theme"
)

// valuesFor returns the settings of an organization, the language as its member
// has it if the person is one.
func (s *Service) valuesFor(ctx context.Context, org records.Organization, person uuid.UUID) (map[string]waterfall.Value, error) {
	nodes := org.Nodes()
	place, err := s.db.Client().Membership.Query().
		Where(membership.OrganizationID(org.ID), membership.UserID(person)).OnlyID(ctx)
	if err != nil && !ent.IsNotFound(err) {
		return nil, fmt.Errorf("look for membership: %w", err)
	}
	personal := nodes
	if err == nil {
		personal = slices.Concat(nodes, []waterfall.Node{{Level: waterfall.LevelUser, ID: orgtree.ID(place)}})
	}
	directives, err := s.records.Directives(ctx, records.Scopes(personal), []string{publicName, locale, theme}, nil)
	if err != nil {
		return nil, err
	}
	values := map[string]waterfall.Value{}
	for key, path := range map[string][]waterfall.Node{publicName: nodes, theme: nodes, locale: personal} {
		definition, ok := catalogue.Lookup(key)
		if !ok {
			return nil, fmt.Errorf("there is no setting %s", key)
		}
		state := waterfall.Start(definition)
		for _, step := range waterfall.Steps(path, directives[key]) {
			state = state.Apply(step)
		}
		values[key] = state.Value()
	}
	return values, nil
}

// textOf returns the text of a TEXT.
func textOf(value waterfall.Value) (string, error) {
	var text string
	if err := json.Unmarshal(value.JSON(), &text); err != nil {
		return "", fmt.Errorf("read setting: %w", err)
	}
	return text, nil
}

// themeOf returns what a mail shows of a theme.
func themeOf(value waterfall.Value) (mail.Theme, error) {
	var entries map[string]string
	if err := json.Unmarshal(value.JSON(), &entries); err != nil {
		return mail.Theme{}, fmt.Errorf("read theme: %w", err)
	}
	return mail.Theme{Accent: cmp.Or(entries["accent"], entries["primary"]), Logo: entries["logo"]}, nil
}
