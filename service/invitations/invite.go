package invitations

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/headwater-platform/headwater/access"
	"github.com/headwater-platform/headwater/database"
	"github.com/headwater-platform/headwater/ent"
	"github.com/headwater-platform/headwater/ent/groupmember"
	"github.com/headwater-platform/headwater/ent/membership"
	"github.com/headwater-platform/headwater/ent/user"
	"github.com/headwater-platform/headwater/fault"
	"github.com/headwater-platform/headwater/orgtree"
	"github.com/headwater-platform/headwater/records"
	"github.com/headwater-platform/headwater/roster"
)

// Bounds of one call.
const (
	maxAddresses = 1000
	maxGroups    = 50
)

// NewInvitations is what inviteMembers is asked for.
type NewInvitations struct {
	Organization uuid.UUID
	// Emails are texts, each with addresses between line breaks, commas or
	// semicolons.
	Emails []string
	Role   access.MemberRole
	Groups []uuid.UUID
	Tags   []string
}

// Outcome is what became of one address.
type Outcome string

// The outcomes.
const (
	Invited        Outcome = "INVITED"
	Added          Outcome = "ADDED"
	AlreadyMember  Outcome = "ALREADY_MEMBER"
	AlreadyInvited Outcome = "ALREADY_INVITED"
	Invalid        Outcome = "INVALID"
	LimitExceeded  Outcome = "LIMIT_EXCEEDED"
	Forbidden      Outcome = "FORBIDDEN"
)

// Result is what became of one address.
type Result struct {
	Email  string
	Status Outcome
	// Invitation is the new one, or the one that is open; nil if there is none.
	Invitation *Invitation
	// Error is why there is no new one.
	Error *Refusal
}

// Refusal says why somebody was not invited.
type Refusal struct {
	Code    string
	Message string
	// Reason is nil where there is no finer name.
	Reason *string
}

// refused returns the result of an address for which nothing was done.
func refused(email string, status Outcome, why *fault.Error) *Result {
	r := &Result{Email: email, Status: status, Error: &Refusal{Code: string(why.Code), Message: why.Message}}
	if why.Reason != "" {
		reason := string(why.Reason)
		r.Error.Reason = &reason
	}
	return r
}

// Invite invites people to join an organization, all in one transaction and in a
// number of statements that does not grow with theirs. What cannot be done for
// one address is its result. Needs members:invite, and for the role and the
// groups the right to grant what they grant; billing administrators are invited
// by the owner. INVALID for groups of elsewhere, for no address and for more than
// 1,000.
func (s *Service) Invite(ctx context.Context, n NewInvitations) ([]*Result, error) {
	org, err := s.records.Check(ctx, access.MembersInvite, n.Organization)
	if err != nil {
		return nil, err
	}
	addresses := addressesOf(n.Emails)
	if len(addresses) == 0 || len(addresses) > maxAddresses {
		return nil, fault.Invalidf("emails", "1 to %d addresses at a time; these are %d", maxAddresses, len(addresses))
	}
	if len(n.Groups) > maxGroups {
		return nil, fault.Invalidf("groupIds", "at most %d groups", maxGroups)
	}
	if err := roster.CheckTags(n.Tags); err != nil {
		return nil, err
	}
	var results []*Result
	_, err = s.db.Write(ctx, database.Entry{Action: "inviteMembers", Organization: org.ID}, func(ctx context.Context, tx *database.Tx) error {
		c := callOf(org, n, addresses)
		if err := c.prepare(ctx, tx); err != nil {
			return err
		}
		if err := c.decide(ctx, tx, s); err != nil {
			return err
		}
		results = c.results
		return c.carryOut(ctx, tx, s)
	})
	if err != nil {
		return nil, err
	}
	return results, s.records.Renew(ctx)
}

// Count returns how many addresses there are in some texts.
func Count(texts []string) int { return len(addressesOf(texts)) }

// addressesOf returns the addresses in some texts, each once whatever its case,
// in the order in which they come first.
func addressesOf(texts []string) []string {
	var addresses []string
	seen := map[string]bool{}
	for _, text := range texts {
		for _, part := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("\n\r,;", r) }) {
			address := strings.TrimSpace(part)
			if key := roster.EmailKey(address); address != "" && !seen[key] {
				seen[key] = true
				addresses = append(addresses, address)
			}
		}
	}
	return addresses
}

// addressesOf returns the addresses in some texts, each once whatever its case,
// call is one inviteMembers inside its transaction.
type call struct {
	org       records.Organization
	asked     NewInvitations
	addresses []string
	builtin   *access.Builtin
	groups    []*ent.Group
	// What there is, by the key of an address.
	accounts map[string]*ent.User
	members  map[string]*ent.Membership
	open     map[string]*ent.Invitation
	// What is done: whom to invite, with the places of their results, and who is
	// put into the groups.
	invited []roster.Invited
	places  []int
	added   []*ent.Membership
	results []*Result
}

func callOf(org records.Organization, n NewInvitations, addresses []string) *call {
	c := &call{
		org: org, asked: n, addresses: addresses, results: make([]*Result, len(addresses)),
		accounts: map[string]*ent.User{}, members: map[string]*ent.Membership{},
	}
	if builtin, ok := n.Role.Builtin(); ok {
		c.builtin = &builtin
	}
	return c
}

// prepare reads what is decided upon, and checks what concerns all addresses.
func (c *call) prepare(ctx context.Context, tx *database.Tx) error {
	var err error
	if c.groups, err = roster.GroupsToJoin(ctx, tx, c.asked.Groups, c.org); err != nil {
		return err
	}
	keys := make([]string, len(c.addresses))
	for i, address := range c.addresses {
		keys[i] = roster.EmailKey(address)
	}
	if err := c.find(ctx, tx, keys); err != nil {
		return err
	}
	return c.checkGiving(ctx, tx)
}

// find reads who has the addresses, who of them is a member and who is invited.
// Invitations that have expired are written down as such and make room.
func (c *call) find(ctx context.Context, tx *database.Tx, keys []string) error {
	// The accounts may be out of the viewer's reach; nothing is told of them.
	all := database.Unguarded(ctx)
	accounts, err := tx.User.Query().Where(user.EmailKeyIn(keys...), user.StatusNEQ(user.StatusDELETED)).All(all)
	if err != nil {
		return fmt.Errorf("load accounts: %w", err)
	}
	ids, keyOf := make([]uuid.UUID, len(accounts)), map[uuid.UUID]string{}
	for i, account := range accounts {
		ids[i], keyOf[account.ID], c.accounts[account.EmailKey] = account.ID, account.EmailKey, account
	}
	members, err := tx.Membership.Query().Where(membership.OrganizationID(c.org.ID), membership.UserIDIn(ids...)).All(all)
	if err != nil {
		return fmt.Errorf("load members: %w", err)
	}
	for _, member := range members {
		c.members[keyOf[member.UserID]] = member
	}
	c.open, err = roster.OpenInvitations(ctx, tx, c.org.ID, keys)
	return err
}

// checkGiving returns nil if the viewer may give what the invitations give to
// those who have the addresses.
func (c *call) checkGiving(ctx context.Context, tx *database.Tx) error {
	given := c.groups
	if c.builtin != nil {
		row, err := appointing(ctx, tx, c.org, *c.builtin)
		if err != nil {
			return err
		}
		given = append(slices.Clone(given), row)
	}
	if len(given) == 0 {
		return nil
	}
	var to records.Recipients
	for _, account := range c.accounts {
		to.People = append(to.People, account.ID)
	}
	return roster.CheckPlacing(ctx, tx, given, to, c.org, "inviteMembers")
}

// appointing returns the built-in group of a role that people are invited to.
// What it gives is for CheckPlacing, but nobody except the owner and the platform
// appoints billing administrators.
func appointing(ctx context.Context, tx *database.Tx, org records.Organization, builtin access.Builtin) (*ent.Group, error) {
	if builtin == access.BillingAdministrators {
		if err := access.CheckPlacing(access.ViewerFrom(ctx), builtin, org.Target()); err != nil {
			return nil, err
		}
	}
	return roster.BuiltinGroup(ctx, tx, org.ID, builtin)
}

// decide says for each address what is done. Those that come first get what room
// there is.
func (c *call) decide(ctx context.Context, tx *database.Tx, s *Service) error {
	room, err := roster.RoomToInvite(ctx, tx, c.org)
	if err != nil {
		return err
	}
	viewer := access.ViewerFrom(ctx)
	placing := access.Check(viewer, access.GroupsWrite, c.org.Target())
	for i, address := range c.addresses {
		key := roster.EmailKey(address)
		account, member, waiting := c.accounts[key], c.members[key], c.open[key]
		switch {
		case roster.CheckEmail("emails", address) != nil:
			c.results[i] = refused(address, Invalid, fault.New(fault.Invalid, "this is no e-mail address"))
		case member != nil && (len(c.groups) == 0 || c.builtin != nil):
			c.results[i] = refused(address, AlreadyMember, fault.New(fault.Conflict, "this person is a member already").Because(fault.AlreadyMember))
		case member != nil && placing != nil:
			c.results[i] = refused(address, Forbidden, asFault(placing))
		case member != nil:
			c.added = append(c.added, member)
			c.results[i] = &Result{Email: address, Status: Added}
		case account != nil && viewer.ID == orgtree.ID(account.ID):
			c.results[i] = refused(address, Forbidden, fault.New(fault.Forbidden, "nobody invites themself; ask the owner for access"))
		case waiting != nil:
			c.results[i] = refused(address, AlreadyInvited, fault.New(fault.Conflict, "this address is invited already").Because(fault.AlreadyInvited))
			c.results[i].Invitation = s.wrapOne(waiting)
		case room == 0:
			c.results[i] = refused(address, LimitExceeded, fault.New(fault.LimitExceeded, "the organization has no room for another member").Because(fault.QuotaExceeded))
		default:
			room--
			c.invite(i, address, account)
		}
	}
	return nil
}

// asFault returns the fault of a refusal.
func asFault(err error) *fault.Error {
	var refusal *fault.Error
	if errors.As(err, &refusal) {
		return refusal
	}
	return fault.New(fault.Forbidden, "this is not allowed")
}

func (c *call) invite(place int, address string, account *ent.User) {
	i := roster.Invited{Email: address, Builtin: c.builtin, Tags: c.asked.Tags}
	if account != nil {
		i.User = &account.ID
	}
	for _, row := range c.groups {
		i.Groups = append(i.Groups, row.ID)
	}
	c.invited, c.places = append(c.invited, i), append(c.places, place)
}

// carryOut does what was decided.
func (c *call) carryOut(ctx context.Context, tx *database.Tx, s *Service) error {
	rows, err := roster.Invite(ctx, tx, c.org.ID, c.invited)
	if err != nil {
		return err
	}
	shown := s.wrap(rows)
	for i, row := range rows {
		c.results[c.places[i]] = &Result{Email: row.Email, Status: Invited, Invitation: shown[row.ID]}
	}
	return c.place(ctx, tx)
}

// place puts members into the groups that they are not in.
func (c *call) place(ctx context.Context, tx *database.Tx) error {
	if len(c.added) == 0 {
		return nil
	}
	missing, err := c.missingPlaces(ctx, tx)
	if err != nil {
		return err
	}
	return roster.PlaceAll(ctx, tx, c.org.ID, missing)
}

// missingPlaces returns the places in groups that members get.
func (c *call) missingPlaces(ctx context.Context, tx *database.Tx) ([]roster.Placing, error) {
	members, groups := make([]uuid.UUID, len(c.added)), make([]uuid.UUID, len(c.groups))
	for i, member := range c.added {
		members[i] = member.ID
	}
	for i, row := range c.groups {
		groups[i] = row.ID
	}
	there, err := tx.GroupMember.Query().Where(groupmember.MembershipIDIn(members...), groupmember.GroupIDIn(groups...)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("load places in groups: %w", err)
	}
	has := map[roster.Placing]bool{}
	for _, row := range there {
		has[roster.Placing{Member: *row.MembershipID, Group: row.GroupID}] = true
	}
	var missing []roster.Placing
	for _, member := range members {
		for _, group := range groups {
			if p := (roster.Placing{Member: member, Group: group}); !has[p] {
				missing = append(missing, p)
			}
		}
	}
	return missing, nil
}
